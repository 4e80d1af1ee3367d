// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/crictl

go 1.26.2

require sigs.k8s.io/cri-tools v1.36.0
