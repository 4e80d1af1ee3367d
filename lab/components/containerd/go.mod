// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/containerd

go 1.26.3

require github.com/containerd/containerd/v2 v2.3.4
