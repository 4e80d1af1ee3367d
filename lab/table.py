# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab builds: the components, the files made of them and the images made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab import databases


@dataclass(frozen=True)
class Component:
    """One folder below lab/components and how its programs are built.

    ``outputs`` maps a binary's name to its Go package. ``module`` is the required module
    whose version is the component's; in ``stamps`` (linker variables) ``{version}``,
    ``{major}`` and ``{minor}`` stand for it. ``copies`` are further things of the module by name: its Helm
    chart's folder, the definitions of its objects. ``exchanged`` maps a module that it is built with to the
    files of it in whose place one of the component's folder is built. A component that is ``only_for`` something is
    not built without it.
    """

    name: str
    module: str
    outputs: dict[str, str]
    cgo: bool = False
    tags: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    copies: dict[str, str] = field(default_factory=dict)
    exchanged: dict[str, dict[str, str]] = field(default_factory=dict)
    only_for: str = ""


_KUBERNETES_STAMPS = tuple(
    f"k8s.io/{package}/version.{variable}"
    for package in ("component-base", "client-go/pkg")
    for variable in (
        "gitVersion={version}",
        "gitMajor={major}",
        "gitMinor={minor}",
        "gitCommit=0000000000000000000000000000000000000000",
        "gitTreeState=clean",
        "buildDate=1970-01-01T00:00:00Z",
    )
)
_CNI = "github.com/containernetworking/plugins"
_CSI = "github.com/kubernetes-csi"
STORAGE = "storage"
"""What the virtual machine needs in which volumes are made by LVM."""

COMPONENTS = (
    Component("pause", "", {"pause": "."}),
    Component(
        "crane",
        "github.com/google/go-containerregistry",
        {"crane": "github.com/google/go-containerregistry/cmd/crane"},
        stamps=("github.com/google/go-containerregistry/cmd/crane/cmd.Version={version}",),
    ),
    Component(
        "registry",
        "github.com/distribution/distribution/v3",
        {"registry": "github.com/distribution/distribution/v3/cmd/registry"},
        stamps=("github.com/distribution/distribution/v3/version.version={version}",),
    ),
    Component(
        "cni-plugins",
        _CNI,
        {
            "bridge": f"{_CNI}/plugins/main/bridge",
            "loopback": f"{_CNI}/plugins/main/loopback",
            "host-local": f"{_CNI}/plugins/ipam/host-local",
            "portmap": f"{_CNI}/plugins/meta/portmap",
            "firewall": f"{_CNI}/plugins/meta/firewall",
        },
        stamps=(f"{_CNI}/pkg/utils/buildversion.BuildVersion={{version}}",),
    ),
    Component("flannel-cni-plugin", _CNI, {"flannel": f"{_CNI}/plugins/meta/flannel"}),
    Component(
        "runc",
        "github.com/opencontainers/runc",
        {"runc": "github.com/opencontainers/runc"},
        cgo=True,
        tags=("seccomp", "urfave_cli_no_docs", "netgo", "osusergo"),
    ),
    Component(
        "etcd",
        "go.etcd.io/etcd/server/v3",
        {
            "etcd": "go.etcd.io/etcd/server/v3",
            "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
            "etcdutl": "go.etcd.io/etcd/etcdutl/v3",
        },
    ),
    Component(
        "containerd",
        "github.com/containerd/containerd/v2",
        {
            "containerd": "github.com/containerd/containerd/v2/cmd/containerd",
            "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "ctr": "github.com/containerd/containerd/v2/cmd/ctr",
        },
        stamps=("github.com/containerd/containerd/v2/version.Version={version}",),
    ),
    Component(
        "crictl",
        "sigs.k8s.io/cri-tools",
        {"crictl": "sigs.k8s.io/cri-tools/cmd/crictl"},
        stamps=("sigs.k8s.io/cri-tools/pkg/version.Version={version}",),
    ),
    Component("coredns", "github.com/coredns/coredns", {"coredns": "github.com/coredns/coredns"}),
    Component(
        "flannel",
        "github.com/flannel-io/flannel",
        {"flanneld": "github.com/flannel-io/flannel"},
        cgo=True,
        tags=("netgo", "osusergo"),
        stamps=("github.com/flannel-io/flannel/pkg/version.Version={version}",),
    ),
    Component(
        "kubernetes",
        "k8s.io/kubernetes",
        {
            "kubernetes": ".",
            "kubeadm": "k8s.io/kubernetes/cmd/kubeadm",
            "kubelet": "k8s.io/kubernetes/cmd/kubelet",
            "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        },
        stamps=_KUBERNETES_STAMPS,
    ),
    Component(
        "helm",
        "helm.sh/helm/v4",
        {"helm": "helm.sh/helm/v4/cmd/helm"},
        stamps=("helm.sh/helm/v4/internal/version.version={version}",),
    ),
    Component(
        "restic",
        "github.com/restic/restic",
        {"restic": "github.com/restic/restic/cmd/restic"},
    ),
    Component(
        "rest-server",
        "github.com/restic/rest-server",
        {"rest-server": "github.com/restic/rest-server/cmd/rest-server"},
    ),
    Component(
        "metallb",
        "go.universe.tf/metallb",
        {"controller": "go.universe.tf/metallb/controller", "speaker": "go.universe.tf/metallb/speaker"},
        copies={"chart": "charts/metallb"},
    ),
    Component(
        "traefik",
        "github.com/traefik/traefik/v3",
        {"traefik": "github.com/traefik/traefik/v3/cmd/traefik"},
        stamps=("github.com/traefik/traefik/v3/pkg/version.Version={version}",),
        copies={"crds": "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml"},
    ),
    Component(
        "metrics-server",
        "sigs.k8s.io/metrics-server",
        {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
        stamps=("k8s.io/client-go/pkg/version.gitVersion={version}",),
        copies={"chart": "charts/metrics-server"},
    ),
    Component(
        "local-path-provisioner",
        "github.com/rancher/local-path-provisioner",
        {"local-path-provisioner": "github.com/rancher/local-path-provisioner"},
        stamps=("main.VERSION={version}",),
    ),
    # Not quite upstream's program: this says in iptables' terms what kernels without NFT_QUEUE do not know otherwise.
    Component(
        "kube-network-policies",
        "sigs.k8s.io/kube-network-policies",
        {
            "netpol": ".",
            "kube-network-policies": "sigs.k8s.io/kube-network-policies/cmd/kube-network-policies/standard",
        },
        exchanged={"github.com/google/nftables": {"expr/queue.go": "nftables/queue.go"}},
    ),
    Component(
        "pebble",
        "github.com/letsencrypt/pebble/v2",
        {"pebble": "github.com/letsencrypt/pebble/v2/cmd/pebble", "cloudflare": "."},
    ),
    Component(
        "cert-manager",
        "github.com/cert-manager/cert-manager",
        {"cert-manager": "."},
        stamps=("github.com/cert-manager/cert-manager/pkg/util.AppVersion={version}",),
        copies={"chart": "deploy/charts/cert-manager", "crds": "deploy/crds"},
    ),
    # Not quite upstream's image: two sidecars that no module has are stood in for, by one program.
    Component(
        "topolvm",
        "github.com/topolvm/topolvm",
        {
            "sidecars": ".",
            "hypertopolvm": "github.com/topolvm/topolvm/cmd/hypertopolvm",
            "csi-provisioner": f"{_CSI}/external-provisioner/v6/cmd/csi-provisioner",
            "csi-resizer": f"{_CSI}/external-resizer/cmd/csi-resizer",
            "csi-snapshotter": f"{_CSI}/external-snapshotter/v8/cmd/csi-snapshotter",
            "snapshot-controller": f"{_CSI}/external-snapshotter/v8/cmd/snapshot-controller",
        },
        copies={"chart": "charts/topolvm"},
        only_for=STORAGE,
    ),
    Component(
        "volume-snapshots",
        f"{_CSI}/external-snapshotter/client/v8",
        {},
        copies={
            f"{name}_crd": f"config/crd/snapshot.storage.k8s.io_{name}.yaml"
            for name in ("volumesnapshotclasses", "volumesnapshotcontents", "volumesnapshots")
        },
        only_for=STORAGE,
    ),
)


def components(purpose: str) -> tuple[Component, ...]:
    """Return the components that every lab is made of, and those that are only for a purpose, "" for none."""
    return tuple(one for one in COMPONENTS if one.only_for in ("", purpose))


DEVELOPER_TOOLS = {"kubectl": "kubernetes", "crictl": "crictl", "crane": "crane", "helm": "helm"}
"""Program put into the developer's PATH → the component it is built from."""

JUDGES = {
    "etcd": ("etcd", "etcd"),
    "kube-apiserver": ("kubernetes", "kubernetes"),
    "registry": ("registry", "registry"),
    "restic": ("restic", "restic"),
    "etcdctl": ("etcd", "etcdctl"),
    "etcdutl": ("etcd", "etcdutl"),
}
"""Program beside them for the suites that need no node → its component and the name of its binary there."""

PACKAGED = {
    "promtool": ("prometheus", "usr/bin/promtool"),
    "prometheus": ("prometheus", "usr/bin/prometheus"),
    "prometheus-node-exporter": ("prometheus-node-exporter", "usr/bin/prometheus-node-exporter"),
}
"""Program beside these, whatever the supply → the Debian package that has it, and where."""


@dataclass(frozen=True)
class Artifact:
    """A file served under its upstream address.

    ``name`` is its name in the lock, ``members`` maps an archive's member names, in which
    ``{arch}`` and ``{version}`` stand for these, to the component's binaries. A file that is the
    program itself has one member named ``""``.
    """

    name: str
    component: str
    members: dict[str, str]

    def paths(self, arch: str, version: str) -> dict[str, str]:
        """Return the members as the archive of this version for this architecture names them."""
        return {path.format(arch=arch, version=version): binary for path, binary in self.members.items()}


ARTIFACTS = (
    Artifact("kubeadm", "kubernetes", {"": "kubeadm"}),
    Artifact("kubelet", "kubernetes", {"": "kubelet"}),
    Artifact("kubectl", "kubernetes", {"": "kubectl"}),
    Artifact("crictl", "crictl", {"crictl": "crictl"}),
    Artifact("helm", "helm", {"linux-{arch}/helm": "helm"}),
    Artifact("runc", "runc", {"": "runc"}),
    Artifact("restic", "restic", {"": "restic"}),
    Artifact("etcd", "etcd", {f"etcd-v{{version}}-linux-{{arch}}/{name}": name for name in ("etcdctl", "etcdutl")}),
    Artifact(
        "containerd",
        "containerd",
        {f"bin/{binary}": binary for binary in ("containerd", "containerd-shim-runc-v2", "ctr")},
    ),
    Artifact(
        "cni_plugins",
        "cni-plugins",
        {f"./{binary}": binary for binary in ("bridge", "loopback", "host-local", "portmap", "firewall")},
    ),
)


CHARTS = {name: name for name in ("metallb", "metrics-server", "cert-manager", "topolvm")}
"""Chart in the lock → the component whose module holds it."""

CHART_CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    # It gets its version only with a release.
    "cert-manager": ((": v0.0.0\n", ": {built}\n"),),
    # It is released after the program, with these numbers and nothing else changed; another chart would come along,
    # which it uses for what is turned off here.
    "topolvm": (
        ("version: 16.0.1\nappVersion: 0.40.2\n", "version: 16.1.0\nappVersion: 0.41.0\n"),
        (
            "dependencies:\n"
            "  - name: cert-manager\n"
            "    repository: https://charts.jetstack.io\n"
            "    version: ~1.17.x\n"
            "    condition: cert-manager.enabled\n",
            "",
        ),
    ),
}
"""Chart → what a release changes in its Chart.yaml; ``{built}`` stands for the module's version."""

MANIFESTS = {
    "traefik_crds": ("traefik", "crds"),
    **{
        name: ("volume-snapshots", name)
        for name in ("volumesnapshotclasses_crd", "volumesnapshotcontents_crd", "volumesnapshots_crd")
    },
}
"""Manifest in the lock → the component whose module holds it, and under which name."""


@dataclass(frozen=True)
class Image:
    """A container image: ``name`` in the lock, or a full ``reference`` for the lab's own.

    ``files`` maps a path in the image to a component's binary, ``links`` a path to where
    it points. ``packages`` are the Debian packages it has below (with what they depend on).
    ``user`` is whom it runs as unless the pod says otherwise; with ``trusts`` it believes
    the authority of the lab's outside.
    """

    name: str
    component: str = ""
    files: dict[str, str] | None = None
    links: dict[str, str] | None = None
    packages: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    reference: str = ""
    user: str = ""
    trusts: bool = False


_KUBERNETES_LINKS = {
    f"usr/local/bin/{name}": "kubernetes"
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
}
NETWORK_BASE = ("coreutils", "dash", "nftables", "iptables", "conntrack", "iproute2", "ipset", "ca-certificates")


_CERT_MANAGER = ("controller", "webhook", "cainjector", "acmesolver")


def _kubernetes(name: str, packages: tuple[str, ...] = ()) -> Image:
    binary = {"usr/local/bin/kubernetes": "kubernetes"}
    return Image(name, "kubernetes", binary, _KUBERNETES_LINKS, packages)


# Listens where NGINX Ingress Controller does, without routes; its files are written where that one writes its own.
_NGINX_STAND_IN = """cat > /etc/nginx/nginx.conf <<'END'
daemon off;
pid /var/lib/nginx/nginx.pid;
worker_processes 1;
events {}
http {
  access_log /dev/stdout;
  client_body_temp_path /var/cache/nginx/body;
  proxy_temp_path /var/cache/nginx/proxy;
  fastcgi_temp_path /var/cache/nginx/fastcgi;
  uwsgi_temp_path /var/cache/nginx/uwsgi;
  scgi_temp_path /var/cache/nginx/scgi;
  default_type text/plain;
  server {
    listen 80;
    listen 443 ssl;
    listen 9113;
    ssl_reject_handshake on;
    return 404 "This is a stand-in for NGINX Ingress Controller. It serves no routes.\n";
  }
  server {
    listen 8081;
    location = /nginx-ready { return 200 "Ready\n"; }
  }
}
END
exec nginx -e stderr
"""


def _cert_manager(part: str) -> Image:
    return Image(
        f"cert_manager_{part}",
        "cert-manager",
        {"cert-manager": "cert-manager"},
        dict.fromkeys(_CERT_MANAGER, "cert-manager"),
        entrypoint=(f"/{part}",),
        user="1000",
        trusts=True,
    )


# In /usr/bin Debian has programs of Perl that choose among versions.
_POSTGRES = ("initdb", "postgres", "psql", "pg_dump", "pg_restore")

IMAGES = (
    Image("pause", "pause", {"pause": "pause"}, entrypoint=("/pause",)),
    Image("etcd", "etcd", {f"usr/local/bin/{name}": name for name in ("etcd", "etcdctl", "etcdutl")}),
    Image("coredns", "coredns", {"coredns": "coredns"}, entrypoint=("/coredns",)),
    _kubernetes("kube_apiserver"),
    _kubernetes("kube_controller_manager"),
    _kubernetes("kube_scheduler"),
    _kubernetes("kube_proxy", NETWORK_BASE),
    Image(
        "flannel",
        "flannel",
        {"opt/bin/flanneld": "flanneld"},
        packages=NETWORK_BASE,
        entrypoint=("/opt/bin/flanneld",),
    ),
    Image("flannel_cni_plugin", "flannel-cni-plugin", {"flannel": "flannel"}, packages=NETWORK_BASE),
    Image("metallb_controller", "metallb", {"controller": "controller"}, entrypoint=("/controller",)),
    Image("metallb_speaker", "metallb", {"speaker": "speaker"}, entrypoint=("/speaker",)),
    Image("metrics_server", "metrics-server", {"metrics-server": "metrics-server"}, entrypoint=("/metrics-server",)),
    Image(
        "kube_network_policies",
        "kube-network-policies",
        {"bin/netpol": "netpol", "bin/kube-network-policies": "kube-network-policies"},
    ),
    Image(
        "local_path_provisioner",
        "local-path-provisioner",
        {"usr/bin/local-path-provisioner": "local-path-provisioner"},
        entrypoint=("/usr/bin/local-path-provisioner",),
    ),
    # Debian's busybox under the name of upstream's image, with the commands that the role storage has.
    Image(
        "busybox",
        links={f"usr/bin/{name}": "busybox" for name in ("sh", "mkdir", "rm")},
        packages=("busybox-static",),
        entrypoint=("/bin/sh",),
    ),
    Image(
        "topolvm",
        "topolvm",
        {name: name for name in ("sidecars", "hypertopolvm", "csi-provisioner", "csi-resizer", "csi-snapshotter")},
        {
            **dict.fromkeys(("lvmd", "topolvm-node", "topolvm-controller"), "hypertopolvm"),
            **dict.fromkeys(("csi-node-driver-registrar", "livenessprobe"), "sidecars"),
        },
        packages=("coreutils", "dash", "e2fsprogs", "mount", "util-linux"),
        entrypoint=("/hypertopolvm",),
    ),
    Image(
        "snapshot_controller",
        "topolvm",
        {"snapshot-controller": "snapshot-controller"},
        entrypoint=("/snapshot-controller",),
    ),
    Image("traefik", "traefik", {"traefik": "traefik"}, entrypoint=("/traefik",)),
    Image("nginx", packages=("nginx", "coreutils", "dash"), entrypoint=("/bin/sh", "-c", _NGINX_STAND_IN)),
    *map(_cert_manager, _CERT_MANAGER),
    Image(
        "toolbox",
        packages=(*NETWORK_BASE, "bash", "curl", "bind9-dnsutils", "python3", "procps"),
        entrypoint=("/bin/sh",),
        reference="docker.io/library/lab-toolbox:1",
    ),
    # Debian's builds under the names of upstream's images. The product knows neither.
    Image(
        "postgres",
        links={f"usr/local/bin/{name}": f"/usr/lib/postgresql/17/bin/{name}" for name in _POSTGRES},
        packages=("postgresql-17", "coreutils", "dash", "util-linux"),
        entrypoint=("/bin/sh", "-c", databases.POSTGRES, "postgres"),
        reference="docker.io/library/postgres:17",
    ),
    Image(
        "mariadb",
        packages=("mariadb-server-core", "mariadb-client", "coreutils", "dash", "sed", "util-linux"),
        entrypoint=("/bin/sh", "-c", databases.MARIADB, "mariadb"),
        reference="docker.io/library/mariadb:11.8",
    ),
)
