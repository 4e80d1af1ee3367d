// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/flannel-cni-plugin

go 1.26.0

require (
	github.com/containernetworking/plugins v0.9.1
)
