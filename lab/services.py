# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's artifact mirror, registry, and what stands for the internet: containers that read the shared cache."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from lab import archive, authority, files, images, internet, podman, rootfs, target, web
from lab.errors import LabError
from lab.machine import NodeSettings
from lab.paths import Paths
from lab.process import run, succeeds
from lab.state import (
    ACME_OFFSET,
    CLOUDFLARE_OFFSET,
    MIRROR_OFFSET,
    REGISTRY_OFFSET,
    RESOLVER_OFFSET,
    Lab,
    address,
)

RECIPE = 1
REGISTRY_PORT = 5000
PROGRAMS = {
    "registry": "registry",
    "coredns": "coredns",
    "pebble": "pebble",
    "cloudflare": "pebble",
    "rest-server": "rest-server",
}
"""Program that a service runs → the component it is built from."""
MIRRORED_REGISTRIES = ("registry.k8s.io", "ghcr.io", "docker.io", "quay.io")
NGINX = """daemon off;
pid /tmp/nginx.pid;
worker_processes 1;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  sendfile on;
  default_type application/octet-stream;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server { listen 80; root /lab/www; }
}
"""


@dataclass(frozen=True)
class Service:
    """A container: its name, place in the lab's prefix, read-only mounts, command, and what answers when it is up.

    ``writes`` are mounts that it writes to.
    """

    name: str
    offset: int
    mounts: dict[str, str]
    command: tuple[str, ...]
    probe: str
    writes: dict[str, str] = field(default_factory=dict)


def image(system: rootfs.System) -> str:
    """Return the name of the image the services run from."""
    return f"localhost/homelab-services:{files.key_of('services', RECIPE, system.depot_key)}"


def make_image(paths: Paths, system: rootfs.System) -> None:
    """Make the services' image from the depot unless it is there."""
    name = image(system)
    if succeeds(["podman", "image", "exists", name]):
        return
    tar = paths.cache / "layers" / f"{files.PARTIAL}services.tar"
    tar.parent.mkdir(parents=True, exist_ok=True)
    archive.write_file(tar, rootfs.cut(system.depot, ["nginx", "coreutils", "dash"]))
    try:
        run(
            ["podman", "import", "--change", f"LABEL {podman.OWNER}", tar, name],
            attempted="Importing the image of the lab's services",
        )
    finally:
        tar.unlink()


def artifact_mirrors(prefix: str) -> list[str]:
    """Return the base URLs of a lab's artifact mirror."""
    return [f"http://{address(prefix, MIRROR_OFFSET)}"]


def registry_mirrors(prefix: str) -> dict[str, list[str]]:
    """Return, for each registry the lab stands in for, the mirror's base URLs."""
    base = f"http://{address(prefix, REGISTRY_OFFSET)}:{REGISTRY_PORT}/v2"
    return {name: [f"{base}/{name}"] for name in MIRRORED_REGISTRIES}


def of_lab(lab: Lab, paths: Paths, programs: t.Mapping[str, Path]) -> list[Service]:
    """Return the services; ``programs`` are those of PROGRAMS, which they run."""
    configuration = Path(lab.folder) / "services"
    return [
        Service(
            "mirror",
            MIRROR_OFFSET,
            {str(configuration): "/lab", str(paths.cache / "artifacts"): "/artifacts"},
            ("nginx", "-c", "/lab/nginx.conf"),
            f"http://{address(lab.prefix, MIRROR_OFFSET)}/checksums.json",
        ),
        Service(
            "registry",
            REGISTRY_OFFSET,
            {
                str(configuration): "/lab",
                str(paths.cache / "registry"): "/registry",
                str(programs["registry"]): "/usr/local/bin/registry",
            },
            ("registry", "serve", "/lab/registry.json"),
            f"http://{address(lab.prefix, REGISTRY_OFFSET)}:{REGISTRY_PORT}/v2/",
        ),
        Service(
            "resolver",
            RESOLVER_OFFSET,
            {str(configuration): "/lab", str(programs["coredns"]): "/usr/local/bin/coredns"},
            ("coredns", "-conf", "/lab/Corefile"),
            f"http://{address(lab.prefix, RESOLVER_OFFSET)}:{internet.HEALTH_PORT}/health",
        ),
        Service(
            "cloudflare",
            CLOUDFLARE_OFFSET,
            {str(configuration): "/lab", str(programs["cloudflare"]): "/usr/local/bin/cloudflare"},
            authority.cloudflare_command(lab),
            f"tcp://{address(lab.prefix, CLOUDFLARE_OFFSET)}:443",
        ),
        Service(
            "acme",
            ACME_OFFSET,
            {str(configuration): "/lab", str(programs["pebble"]): "/usr/local/bin/pebble"},
            authority.acme_command(lab),
            f"tcp://{address(lab.prefix, ACME_OFFSET)}:443",
        ),
        *(
            Service(
                server,
                offset,
                {str(configuration): "/lab", str(programs["rest-server"]): "/usr/local/bin/rest-server"},
                target.command(server),
                f"tcp://{address(lab.prefix, offset)}:{target.PORT}",
                {str(target.folder(lab, server)): target.DATA},
            )
            for server, offset in target.OFFSETS.items()
        ),
    ]


def start_all(
    lab: Lab, services: t.Sequence[Service], settings: NodeSettings, cache: Path, tree: Path, image_name: str
) -> list[str]:
    """See to it that the services run with this artifact tree; return the names of those that were started."""
    folder = Path(lab.folder) / "services"
    files.write(folder / "nginx.conf", NGINX)
    configuration = images.configuration("/registry", f":{REGISTRY_PORT}", read_only=True)
    files.write(folder / "registry.json", json.dumps(configuration))
    files.write(folder / "Corefile", internet.corefile())
    for domain, text in internet.zones(lab).items():
        files.write(folder / domain, text)
    authority.configure(lab, cache)
    target.configure(lab)
    files.point(folder / "www", Path("/artifacts") / tree.name)
    known = {one.name: one for one in podman.containers(lab.name)}
    started = []
    for service in services:
        name = podman.name_of(lab.name, service.name)
        stamp = files.key_of(image_name, service.mounts, service.command)
        if name in known and known[name].state == "running" and _stamp(name) == stamp and web.answers(service.probe):
            continue
        if name in known:
            podman.remove_containers([known[name]])
        _run(lab, service, settings, name, stamp, image_name)
        started.append(service.name)
    for service in services:
        _wait(service, podman.name_of(lab.name, service.name))
    return started


def _run(lab: Lab, service: Service, settings: NodeSettings, name: str, stamp: str, image_name: str) -> None:
    options = ["--name", name, *podman.place(podman.network_name(lab.name), address(lab.prefix, service.offset))]
    options += ["--restart", "always", "--no-hosts", "--label", f"homelab.stamp={stamp}"]
    options += podman.labels(lab.name, lab.folder)
    for source, place in service.mounts.items():
        options += ["--volume", f"{source}:{place}:ro"]
    for source, place in service.writes.items():
        options += ["--volume", f"{source}:{place}"]
    options += podman.limits(settings)
    arguments = ["--runtime", settings.runtime, "run", "--detach", *options, image_name, *service.command]
    podman.call(*arguments, attempted=f"Starting the lab's {service.name}")


def _stamp(name: str) -> str:
    field = '{{index .Config.Labels "homelab.stamp"}}'
    return podman.call("inspect", "--format", field, name, attempted=f"Inspecting {name}").strip()


def _wait(service: Service, name: str, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not web.answers(service.probe):
        if time.monotonic() > deadline:
            words = run(["sh", "-c", 'podman logs --tail 8 "$0" 2>&1', name], attempted=f"Reading the log of {name}")
            cause = f"{service.probe} did not answer within {seconds:.0f} s; its last words:\n{words}\n"
            raise LabError(f"Starting the lab's {service.name}", cause, f"See `podman logs {name}`.")
        time.sleep(0.2)
