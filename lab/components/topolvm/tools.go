// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// The driver, its sidecars and the controller of snapshots, built from the same go.mod.
package main

import (
	_ "github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner"
	_ "github.com/kubernetes-csi/external-resizer/cmd/csi-resizer"
	_ "github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter"
	_ "github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller"
	_ "github.com/topolvm/topolvm/cmd/hypertopolvm"
)
