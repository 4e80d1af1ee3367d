#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The physical floor of an installation: the same artifacts, kubeadm init, joins and CNI, by bare shell over SSH.
# Environment: CP, WORKERS (addresses), ENDPOINT (name of the API), SSH (command), MIRROR (artifacts), REGISTRIES (lines "host url"),
# CNI (file with the pod network's objects).
set -euo pipefail

prepare='
set -eu
sysctl -qw net.ipv4.ip_forward=1
mkdir -p /opt/cni/bin /etc/containerd/certs.d /etc/kubernetes /etc/systemd/system/kubelet.service.d
get() { python3 -c "import shutil,sys,urllib.request as r; shutil.copyfileobj(r.urlopen(sys.argv[1]), open(sys.argv[2], \"wb\"))" "$MIRROR/$1" "$2"; }
for name in kubeadm kubelet kubectl; do get "dl.k8s.io/release/v1.36.4/bin/linux/amd64/$name" "/usr/local/bin/$name" & done
get github.com/opencontainers/runc/releases/download/v1.4.3/runc.amd64 /usr/local/bin/runc &
get github.com/containerd/containerd/releases/download/v2.3.4/containerd-2.3.4-linux-amd64.tar.gz /tmp/containerd.tgz &
get github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz /tmp/cni.tgz &
get github.com/kubernetes-sigs/cri-tools/releases/download/v1.36.0/crictl-v1.36.0-linux-amd64.tar.gz /tmp/crictl.tgz &
wait
tar -xzf /tmp/containerd.tgz -C /usr/local & tar -xzf /tmp/cni.tgz -C /opt/cni/bin & tar -xzf /tmp/crictl.tgz -C /usr/local/bin & wait
chmod 755 /usr/local/bin/*
cat > /etc/containerd/config.toml <<C
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.k8s.io/pause:3.10.2"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
C
echo "$REGISTRIES" | while read -r host url; do
  mkdir -p "/etc/containerd/certs.d/$host"
  printf "[host.\"%s\"]\n  capabilities = [\"pull\", \"resolve\"]\n  override_path = true\n" "$url" > "/etc/containerd/certs.d/$host/hosts.toml"
done
echo "$CP $ENDPOINT" >> /etc/hosts
cat > /etc/systemd/system/containerd.service <<C
[Service]
Type=notify
ExecStart=/usr/local/bin/containerd
Delegate=yes
KillMode=process
OOMScoreAdjust=-999
C
cat > /etc/systemd/system/kubelet.service <<C
[Service]
ExecStart=/usr/local/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml \$KUBELET_KUBEADM_ARGS
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
Restart=always
C
systemctl daemon-reload
systemctl start containerd
'
init='
set -eu
cat > /etc/kubernetes/kubeadm.yaml <<C
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{token: abcdef.0123456789abcdef}]
nodeRegistration: {name: cp1, ignorePreflightErrors: [all]}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.4
controlPlaneEndpoint: $ENDPOINT:6443
networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16}
etcd: {local: {imageTag: 3.6.14-0}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
conntrack: {maxPerCore: 0, min: 0}
C
kubeadm init --config /etc/kubernetes/kubeadm.yaml
'
run() { local host=$1 script=$2; { declare -p MIRROR REGISTRIES CP ENDPOINT | sed 's/declare -x/export/'; echo "$script"; } | $SSH "root@$host" bash -s; }

pids=()
for host in $CP $WORKERS; do run "$host" "$prepare" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
run "$CP" "$init"
pids=()
number=0
for host in $WORKERS; do
  number=$((number + 1))
  run "$host" "kubeadm join \$ENDPOINT:6443 --node-name w$number --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification --ignore-preflight-errors all" &
  pids+=($!)
done
$SSH "root@$CP" kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - < "$CNI"
for pid in "${pids[@]}"; do wait "$pid"; done
$SSH "root@$CP" "
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl -n kube-flannel rollout status ds/kube-flannel-ds --timeout 180s
until [ \$(kubectl get nodes --no-headers | grep -c ' Ready ') = 3 ]; do sleep 0.3; done
kubectl -n kube-system rollout status deploy/coredns ds/kube-proxy --timeout 180s 2>/dev/null || kubectl -n kube-system rollout status deploy/coredns --timeout 180s"
