// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/registry

go 1.26.0

require (
	github.com/distribution/distribution/v3 v3.1.1
)
