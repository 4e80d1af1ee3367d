// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/local-path-provisioner

go 1.26.4

require github.com/rancher/local-path-provisioner v0.0.37
