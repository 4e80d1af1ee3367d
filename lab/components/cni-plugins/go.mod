// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/cni-plugins

go 1.26.0

require (
	github.com/containernetworking/plugins v1.9.1
)
