"""The unit files as systemd itself judges them; needs no running systemd."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess

import pytest

from support.lab import UNITS


pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)
NAMES = sorted(path.name for path in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")))
LONG = ("notion-review.service", "notion-review@.service", "notion-review-once.service")
WORST = 13  # ten times the exposure score that systemd-analyze gives


@pytest.fixture
def copies(tmp_path):
    """The units with a program that is on every machine, a template as one of its instances."""
    for name in NAMES:
        words = (UNITS / name).read_text()
        words = re.sub(r"(?m)^(ExecStart|ExecReload)=/(?:opt|etc)/\S+", r"\1=/bin/true", words)
        (tmp_path / name.replace("@.", "@x.")).write_text(words)
        (tmp_path / name).write_text(words)
    return tmp_path


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_to_say_about_a_unit(copies, name):
    path = copies / name.replace("@.", "@x.")
    done = analyze("verify", "--man=no", "--recursive-errors=yes", str(path))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", LONG)
def test_a_unit_is_exposed_to_as_little_as_can_be(copies, name):
    path = copies / name.replace("@.", "@x.")
    done = analyze("security", "--offline=yes", f"--threshold={WORST}", str(path))
    assert done.returncode == 0, done.stdout


def read(name):
    # Keys may stand there more than once: the last one is enough here.
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(UNITS / name)
    return {key: value for section in parser.sections() for key, value in parser[section].items()}


def test_the_units_that_sweep_differ_only_in_what_they_must():
    service, template, once = map(read, LONG)
    apart = {key for key in service if service[key] != template.get(key)}
    assert apart == {
        "Description",
        "EnvironmentFile",
        "ExecReload",
        "ExecStart",
        "LoadCredential",
        "RuntimeDirectory",
        "StateDirectory",
        "User",
    }
    shared = service.keys() & once.keys()
    apart = {key for key in shared if service[key] != once[key]}
    assert apart == {"Description", "ExecStart", "SuccessExitStatus", "Type", "TimeoutStartSec"}


@pytest.mark.parametrize("name", LONG)
def test_a_stop_by_systemd_is_no_failure_while_the_program_is_loaded_either(name):
    assert "143" in read(name)["SuccessExitStatus"].split()


@pytest.mark.parametrize("name", LONG)
def test_a_unit_keeps_no_secret_and_dumps_none(name):
    unit = read(name)
    assert "Environment" not in unit
    assert unit["LimitCORE"] == "0"
