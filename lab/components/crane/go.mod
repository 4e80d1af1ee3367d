// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/crane

go 1.26.0

require (
	github.com/google/go-containerregistry v0.21.9
)
