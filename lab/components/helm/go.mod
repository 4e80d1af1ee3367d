// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/helm

go 1.26.0

require helm.sh/helm/v4 v4.2.4
