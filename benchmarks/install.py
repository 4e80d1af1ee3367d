# SPDX-License-Identifier: GPL-3.0-or-later
"""From blank nodes to three Ready ones: ours against a bare shell script over SSH, in turn on identical nodes.

The layers that the script has as well, and the whole site.yml, with firewall and DNS. Prints one line a pair and last:
install ours=MED floor=MED ratio_floor=MED min= max= tasks= site= ratio_site= site_tasks= rounds= no_op=
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jinja2
import yaml

from tests.support.lab import CHECKOUT, INVENTORY, lab, run_playbook

PAIRS = int(os.environ.get("PAIRS", "3"))
LOCK = yaml.safe_load((CHECKOUT / "meta" / "artifacts.yml").read_text())
FLOOR = Path(__file__).with_name("install_floor.sh")
# What the floor does: both end when the nodes and CoreDNS are ready.
LAYERS = ("playbooks/cluster.yml",)
SITE = ("site.yml",)


def cni_objects() -> str:
    """Return the pod network's objects as the role's template gives them; rendering is not part of the floor."""
    template = CHECKOUT / "roles" / "cni" / "templates" / "flannel.yaml.j2"
    images = {name: f"{entry['image']}:{entry['tag']}" for name, entry in LOCK["images"].items()}
    plan = {"prefixes": {"pod": "10.244.0.0/16"}, "cni": {"backend": "vxlan"}, "images": images}
    environment = jinja2.Environment()
    environment.filters.update(to_json=json.dumps, hash=lambda text, _kind: str(len(text)))
    return environment.from_string(template.read_text()).render(cni_plan=plan)


def floor() -> float:
    """Return the seconds the bare script takes on blank nodes."""
    inventory = json.loads(subprocess.run([INVENTORY / "hosts.py", "--list"], check=True, capture_output=True).stdout)
    hosts = inventory["_meta"]["hostvars"]
    common = inventory["all"]["vars"]
    environment = {
        **os.environ,
        "CP": hosts["cp1"]["ansible_host"],
        "WORKERS": f"{hosts['w1']['ansible_host']} {hosts['w2']['ansible_host']}",
        "SSH": f"ssh -i {common['ansible_ssh_private_key_file']} {common['ansible_ssh_common_args']}",
        "ENDPOINT": f"api.{common['homelab_domain']}",
        "MIRROR": common["homelab_artifact_mirrors"][0],
        "REGISTRIES": "\n".join(f"{name} {urls[0]}" for name, urls in common["homelab_registry_mirrors"].items()),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as stream:
        stream.write(cni_objects())
    environment["CNI"] = stream.name
    start = time.monotonic()
    done = subprocess.run(["bash", FLOOR], env=environment, check=False, capture_output=True, text=True)
    took = time.monotonic() - start
    Path(stream.name).unlink()
    if done.returncode != 0:
        sys.exit(f"the floor's script failed:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return took


def ours(playbooks: tuple[str, ...]) -> float:
    """Return the seconds these playbooks, one after the other in one run, take on blank nodes."""
    lab("nodes", "reset")
    run = run_playbook(*playbooks[1:], playbook=playbooks[0])
    if run.code != 0:
        sys.exit(f"{', '.join(playbooks)} failed:\n{run.output[-4000:]}")
    return run.seconds


def listed_tasks(playbooks: tuple[str, ...]) -> int:
    """Return how many tasks `--list-tasks` names."""
    command = ["ansible-playbook", "-i", str(INVENTORY), *playbooks, "--list-tasks"]
    text = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    return sum(1 for line in text.splitlines() if "TAGS:" in line and not line.strip().startswith("play #"))


def main() -> None:
    """Measure in turn and print."""
    mine, bare, site = [], [], []
    for pair in range(1, PAIRS + 1):
        lab("nodes", "reset")
        bare.append(floor())
        mine.append(ours(LAYERS))
        site.append(ours(SITE))
        print(
            f"pair {pair}: ours {mine[-1]:.1f} s, floor {bare[-1]:.1f} s, ratio {mine[-1] / bare[-1]:.2f}, "
            f"site.yml {site[-1]:.1f} s",
            flush=True,
        )
    again = run_playbook()
    ratios = [a / b for a, b in zip(mine, bare, strict=True)]
    print(
        f"install ours={statistics.median(mine):.1f} floor={statistics.median(bare):.1f} "
        f"ratio_floor={statistics.median(ratios):.2f} min={min(ratios):.2f} max={max(ratios):.2f} "
        f"tasks={listed_tasks(LAYERS)} site={statistics.median(site):.1f} "
        f"ratio_site={statistics.median(site) / statistics.median(bare):.2f} site_tasks={listed_tasks(SITE)} "
        f"rounds={len(again.rounds('w1'))} no_op={again.seconds:.1f}"
    )


if __name__ == "__main__":
    main()
