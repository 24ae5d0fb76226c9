"""What stops an installation, in one line; `tests/real/test_install.py` installs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from daemon.service import install as install_module
from daemon.service.install import CannotInstall, Places, install, uninstall
from support.places import ROOT


NO_PYTHON = ""
NOT_PIP = '[ "$2" != pip ] && echo 3 11'
# What a machine's Python does when it is asked, and what people are told.
STOPS = {
    NO_PYTHON: "python: No such file or directory",
    "echo 3 9": "python: is Python 3 9; 3.11 is needed",
    f'[ "$2" = venv ] && echo no room && exit 1; {NOT_PIP}': "python failed: no room",
    NOT_PIP: "have no pip; apt install python3-pip",
    'case "$*" in *lock) echo no route; exit 1;; esac; echo 3 11': "python failed: no route",
}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-pip"))
    (tmp_path / "no-pip").write_text("#!/bin/sh\nexit 1\n", "utf-8")
    (tmp_path / "no-pip").chmod(0o755)
    monkeypatch.setattr(install_module, "STATES", tmp_path / "states")
    named = {one.name: tmp_path / one.name for one in fields(Places) if one.name != "destdir"}
    return Places(**named)


def test_what_stops_it_is_said_and_no_unit_is_written(places: Places) -> None:
    for script, said in STOPS.items():
        if script != NO_PYTHON:
            places.python.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
            places.python.chmod(0o755)
        with pytest.raises(CannotInstall, match=said):
            install(places)
        assert not places.unitdir.exists(), script


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_named(places: Places) -> None:
    places.unitdir.mkdir()
    (places.unitdir / "notion-review.service").touch()
    places.unitdir.chmod(0o555)
    with pytest.raises(CannotInstall, match=r"unitdir.*Permission denied; run it as root"):
        uninstall(places)


def test_only_what_is_left_is_named(places: Places) -> None:
    assert uninstall(places) == "Removed. Nothing is left."
    places.confdir.mkdir()
    (install_module.STATES / "notion-review").mkdir(parents=True)
    left = f"{places.confdir}, {install_module.STATES}/notion-review"
    assert uninstall(places) == f"Removed. Left: {left}"


def test_without_systemd_init_of_root_writes_the_config_of_the_service(tmp_path: Path) -> None:
    if install_module.SYSTEMD.is_dir():
        pytest.skip("systemd runs here")
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n", "utf-8")
    (tmp_path / "program").write_text('#!/bin/sh\necho "$@"\n', "utf-8")
    for name in ("id", "program"):
        (tmp_path / name).chmod(0o755)
    words = (ROOT / "systemd/notion-review").read_text("utf-8")
    script = words.replace("/opt/notion-review/bin/notion-review", str(tmp_path / "program"))
    for given, called in {
        ("init", "--offline"): "--config /etc/notion-review/config.yaml init --offline",
        ("@two", "init"): "--config /etc/notion-review/two/config.yaml init",
        ("status",): "status",
    }.items():
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-c", script, "sh", *given], env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == called
