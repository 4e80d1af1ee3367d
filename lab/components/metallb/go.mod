// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/metallb

go 1.26.0

require go.universe.tf/metallb v0.16.1
