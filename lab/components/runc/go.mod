// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/runc

go 1.26.0

require (
	github.com/opencontainers/runc v1.4.3
)
