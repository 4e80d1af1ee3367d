# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus with the plan's rules looks at a worker by the real node-exporter, while a disk fills up.

Only how long something has to be so is shortened; promtool looks at the durations themselves in the unit tests.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import typing as t
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.podman import name_of
from tests.support.lab import TOOLBOX, kubectl, lab_record, on_node, run_playbook
from tests.support.ports import free_ports

SPACE, NODE = "filling", "w2"
UNIT, EXPORTER, PORT = "homelab-test-exporter", "/usr/local/bin/homelab-test-exporter", 9100
TEXTFILE = "/var/lib/prometheus/node-exporter/homelab_backup.prom"
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": SPACE},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "hdd",
    },
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "writer", "namespace": SPACE},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"kubernetes.io/hostname": NODE},
        "containers": [
            {
                "name": "writer",
                "image": TOOLBOX,
                "command": ["sleep", "infinity"],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    },
}


class Prometheus:
    """A server on loopback that looks every second."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str) -> t.Any:
        """Return the data of an answer."""
        with urllib.request.urlopen(f"{self._address}/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def values(self, metric: str) -> dict[str, float]:
        """Return the values of a metric, by the first label of these that it has."""
        rows = [(row["metric"], float(row["value"][1])) for row in self.get(f"query?query={metric}")["result"]]
        return {
            next((of[name] for name in ("volume", "mountpoint", "file") if name in of), ""): value for of, value in rows
        }

    def firing(self) -> dict[str, t.Any]:
        """Return the alerts that fire, by name, of the disks of the tiers."""
        found = [alert for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"]
        return {
            one["labels"]["alertname"]: one for one in found if one["labels"]["alertname"].startswith("HomelabTier")
        }

    def until(self, seen: t.Callable[[], t.Any], seconds: float = 20) -> t.Any:
        """Return what *seen* tells once it tells something."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if found := seen():
                    return found
            assert time.monotonic() < deadline, self.get("alerts")
            time.sleep(0.3)


@contextlib.contextmanager
def exporter() -> Iterator[int]:
    """Have Debian's node-exporter run on the node; yield a port of this machine that leads there."""
    machine = lab_record().nodes[NODE]
    program = shutil.which("prometheus-node-exporter")
    assert program, "`python3 -m lab supply` fetches it"
    copy = ["podman", "cp", str(Path(program).resolve()), f"{name_of(lab_record().name, NODE)}:{EXPORTER}"]
    subprocess.run(copy, check=True, capture_output=True, timeout=60)
    where = f"--web.listen-address=127.0.0.1:{PORT}"
    textfiles = f"--collector.textfile.directory={Path(TEXTFILE).parent}"
    on_node(NODE, f"systemd-run --quiet --unit={UNIT} {EXPORTER} {where} {textfiles}")
    (port,) = free_ports(1)
    options = ["-i", lab_record().private_key, "-o", f"UserKnownHostsFile={lab_record().known_hosts}"]
    tunnel = ["ssh", "-N", "-L", f"127.0.0.1:{port}:127.0.0.1:{PORT}", *options, f"root@{machine.address}"]
    try:
        with subprocess.Popen(tunnel) as ssh:
            try:
                yield port
            finally:
                ssh.terminate()
    finally:
        on_node(NODE, f"systemctl stop {UNIT}; rm -f {EXPORTER}")


@pytest.fixture(name="rules", scope="module")
def _rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of rules that a user gets."""
    path = tmp_path_factory.mktemp("rules") / "homelab.yml"
    predicted = run_playbook("--check", "--diff", "-e", f"alerts_file={path}", playbook="playbooks/alerts.yml")
    assert predicted.code == 0 and "+groups:" in predicted.output and not path.exists(), predicted.output[-3000:]
    done = run_playbook("-e", f"alerts_file={path}", playbook="playbooks/alerts.yml")
    assert done.code == 0 and done.changed_tasks() == ["localhost: Write the rules"], done.output[-3000:]
    return path


@pytest.fixture(name="prometheus", scope="module")
def _prometheus(rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with these rules, in which everything has to be so for two seconds, and the node as its target."""
    folder = tmp_path_factory.mktemp("prometheus")
    document = yaml.safe_load(rules.read_text())
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        rule["for"] = "2s"
    (folder / "rules.yml").write_text(yaml.safe_dump(document))
    kubectl("create", "namespace", SPACE)
    with contextlib.ExitStack() as left:
        left.callback(kubectl, "delete", "namespace", SPACE)
        items = {"apiVersion": "v1", "kind": "List", "items": [CLAIM, POD]}
        kubectl("apply", "--filename", "-", document=json.dumps(items))
        target = left.enter_context(exporter())
        scrape = {
            "job_name": "node",
            "static_configs": [{"targets": [f"127.0.0.1:{target}"], "labels": {"node": NODE}}],
        }
        often = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        settings = {"global": often, "rule_files": ["rules.yml"], "scrape_configs": [scrape]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        (port,) = free_ports(1)
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "log").open("wb") as log:
            listen = f"--web.listen-address=127.0.0.1:{port}"
            server = left.enter_context(subprocess.Popen([*command, listen], stdout=log, stderr=log))
        left.callback(server.terminate)
        kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pod/writer")
        yield Prometheus(port)


def write(script: str) -> str:
    """Run a shell script in the pod; return what it said, also of what failed."""
    return kubectl("--namespace", SPACE, "exec", "writer", "--", "sh", "-c", script, check=False)


def test_the_disks_are_seen_and_nothing_is_wrong(prometheus: Prometheus) -> None:
    places = prometheus.until(lambda: prometheus.values("node_filesystem_avail_bytes"))
    assert {"/srv/ssd", "/srv/hdd", "/var/lib"} <= set(places)
    prometheus.until(lambda: "HomelabNodeUnseen" in str(prometheus.get("alerts")))
    assert prometheus.firing() == {}


def test_a_full_disk_is_an_alert_and_a_clear_error_until_there_is_room(prometheus: Prometheus) -> None:
    # To 96 of a hundred, as df counts them.
    room = write("df --block-size=1 --output=size,avail /data | tail -1").split()
    write(f"head -c {int(room[1]) - int(0.04 * int(room[0]))} /dev/zero > /data/fill; sync")
    fired = prometheus.until(lambda: prometheus.firing().get("HomelabTierFull"))
    labels = {name: fired["labels"][name] for name in ("severity", "node", "tier", "mountpoint")}
    assert labels == {"severity": "critical", "node": NODE, "tier": "hdd", "mountpoint": "/srv/hdd"}
    assert fired["annotations"]["summary"].startswith(f"Tier hdd of node {NODE} has ")
    assert "No space left on device" in write("head -c 100M /dev/zero > /data/more")
    write("rm /data/fill /data/more; sync")
    prometheus.until(lambda: not prometheus.firing())


def test_what_is_told_of_backups_is_seen(prometheus: Prometheus) -> None:
    """As much of it as the node has: it makes none for this test, which others would find."""
    prometheus.until(lambda: TEXTFILE in prometheus.values("node_textfile_mtime_seconds"))
    assert prometheus.values("node_textfile_scrape_error") == {"": 0}
    told = dict(line.rsplit(" ", 1) for line in on_node(NODE, f"cat {TEXTFILE}").splitlines() if line[0] != "#")
    for metric in {series.partition("{")[0] for series in told}:
        of = {volume: float(told[f'{metric}{{volume="{volume}"}}']) for volume in prometheus.values(metric)}
        assert of and of == prometheus.values(metric)
