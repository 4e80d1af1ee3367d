// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// The node's own programs, built from the same go.mod.
package main

import (
	_ "k8s.io/kubernetes/cmd/kubeadm"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
