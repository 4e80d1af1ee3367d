// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/kube-network-policies

go 1.26.0

require (
	github.com/google/nftables v0.3.0
	sigs.k8s.io/kube-network-policies v1.1.1
)

require (
	github.com/mdlayher/netlink v1.11.2 // indirect
	github.com/mdlayher/socket v0.6.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
