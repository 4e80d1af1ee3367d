# SPDX-License-Identifier: GPL-3.0-or-later
"""APT's own reader judges the configuration of security updates, beside what the distributions ship."""

from __future__ import annotations

import subprocess
from pathlib import Path

import jinja2
import pytest

TEMPLATES = Path(__file__).resolve().parents[3] / "roles" / "hardware" / "templates"
# What Debian and Ubuntu have in this file.
SHIPPED = """
Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}"; };
Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=${distro_codename},label=Debian"; };
Unattended-Upgrade::Automatic-Reboot-Time "02:00";
"""


@pytest.fixture(params=["03:30", ""], ids=["reboot", "no reboot"])
def reboot_at(request: pytest.FixtureRequest) -> str:
    """Return when the host may reboot, empty for never."""
    return str(request.param)


@pytest.fixture
def settings(reboot_at: str, tmp_path: Path) -> list[str]:
    """Return what APT makes of it all, line by line."""
    parts = tmp_path / "apt.conf.d"
    parts.mkdir()
    (parts / "50unattended-upgrades").write_text(SHIPPED, encoding="utf-8")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True)
    values = {
        "ansible_managed": "Managed by Ansible",
        "hardware_host": "node1",
        "hardware_plan": {"hardware": {"node1": {"updates": {"enabled": True, "reboot_at": reboot_at}}}},
    }
    for name in ("20auto-upgrades", "52homelab"):
        (parts / name).write_text(environment.get_template(f"{name}.j2").render(values), encoding="utf-8")
    main = tmp_path / "apt.conf"
    main.write_text(f'Dir::Etc::parts "{parts}";\n', encoding="utf-8")
    done = subprocess.run(
        ["apt-config", "dump"], env={"APT_CONFIG": str(main), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_only_security_archives(settings: list[str]) -> None:
    origins = [
        line
        for line in settings
        if line.startswith(("Unattended-Upgrade::Origins-Pattern::", "Unattended-Upgrade::Allowed-Origins::"))
    ]
    assert len(origins) == 5
    assert [line for line in origins if "security" not in line.lower()] == []


def test_timers_have_something_to_do(settings: list[str]) -> None:
    assert 'APT::Periodic::Update-Package-Lists "1";' in settings
    assert 'APT::Periodic::Unattended-Upgrade "1";' in settings


def test_reboot(settings: list[str], reboot_at: str) -> None:
    word = "true" if reboot_at else "false"
    assert f'Unattended-Upgrade::Automatic-Reboot "{word}";' in settings
    assert f'Unattended-Upgrade::Automatic-Reboot-Time "{reboot_at or "02:00"}";' in settings
