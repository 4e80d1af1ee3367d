// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/volume-snapshots

go 1.26.0

require github.com/kubernetes-csi/external-snapshotter/client/v8 v8.6.0
