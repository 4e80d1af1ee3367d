// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/coredns

go 1.26.0

require (
	github.com/coredns/coredns v1.14.2
)
