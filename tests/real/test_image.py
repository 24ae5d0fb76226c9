"""The image: each step of its Dockerfile is run, and then what compose.yaml starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.sandbox import Sandbox, blocks
from support.places import ROOT
from support.program import posted


HERE = ROOT / "docs/container"
COMPOSE = yaml.safe_load((HERE / "compose.yaml").read_text("utf-8"))
SERVICE = COMPOSE["services"]["notion-review"]
STATE = "/var/lib/notion-review"
SECONDS = 60.0


def test_compose_starts_what_the_dockerfile_makes_with_as_little_as_can_be() -> None:
    dockerfile = (HERE / "Dockerfile").read_text("utf-8")
    assert (HERE / SERVICE["build"]["context"] / SERVICE["build"]["dockerfile"]).samefile(
        HERE / "Dockerfile"
    )
    assert (SERVICE["read_only"], SERVICE["cap_drop"]) == (True, ["ALL"])
    assert re.findall(r"(?m)^USER (\d+):", dockerfile) != ["0"]
    assert f"VOLUME {STATE}\n" in dockerfile
    assert f"state:{STATE}" in SERVICE["volumes"]
    assert set(SERVICE["secrets"]) == COMPOSE["secrets"].keys()
    files = set(SERVICE["environment"].values())
    assert files == {f"/run/secrets/{name}" for name in SERVICE["secrets"]}
    # Nothing is copied that is not there, and all that is copied is let through.
    let_through = (HERE / "Dockerfile.dockerignore").read_text("utf-8").split()
    for words in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", dockerfile):
        for name in words.split():
            assert (ROOT / name).exists(), name
            assert f"!{name}" in let_through, name


@dataclass(frozen=True)
class Image:
    """An unpacked image, its own settings, and the folder that compose.yaml would stand in."""

    root: Path
    config: dict[str, Any]
    compose: Path

    def command(self, *words: str, **env: str) -> list[str]:
        inside = [*self.config["Env"], *(f"{name}={value}" for name, value in env.items())]
        return [
            *("unshare", "--mount"),
            *(str(ROOT / "tests/support/image.sh"), str(self.root), str(self.compose)),
            *(self.config["User"], "/usr/bin/env", "-i", "-C", self.config["WorkingDir"]),
            *(*inside, *words),
        ]

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, **env), capture_output=True, text=True, check=False
        )


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("buildah", "unshare", "setpriv"))):
        pytest.skip("the image's steps need root, buildah, unshare and setpriv")
    wheels, base, compose = (tmp_path / name for name in ("wheels", "base", "compose"))
    (compose / "state").mkdir(parents=True)
    pip = (
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--disable-pip-version-check",
        "-d",
        wheels,
    )
    done(*pip, "--require-hashes", "-r", ROOT / "requirements.lock")
    done(*pip, "setuptools>=77")
    bare(base)
    stored = ("buildah", "--root", tmp_path / "store", "--runroot", tmp_path / "run")
    buildah = (*stored, "--storage-driver", "vfs")
    # What stands in for the base: a root with nothing, over this machine's /usr.
    from_base = done(*buildah, "from", "scratch")
    done(*buildah, "add", "-q", from_base, base, "/")
    offline = ("--env", "PIP_NO_INDEX=1", "--env", f"PIP_FIND_LINKS={wheels}")
    done(*buildah, "config", *offline, from_base)
    done(*buildah, "commit", "-q", "--rm", from_base, "base")
    build = (
        "build",
        "-q",
        "--format=docker",
        "--isolation=chroot",
        "--build-arg=BASE=localhost/base",
    )
    shared = (f"--volume={wheels}:{wheels}:ro", "--volume=/usr:/usr:ro")
    done(*buildah, *build, *shared, "-f", HERE / "Dockerfile", "-t", "image", ROOT)
    made = done(*buildah, "from", "localhost/image")
    config = json.loads(done(*buildah, "inspect", made))["Docker"]["config"]
    root = Path(done(*buildah, "mount", made))
    yield Image(root, config, compose)
    done(*buildah, "umount", made)


def bare(folder: Path) -> None:
    """Lay out a root that has nothing but what a program out of /usr needs."""
    for name in ("usr", "etc", "proc", "dev", "run", "opt", "tmp", "root", "var/lib"):
        (folder / name).mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "ld.so.cache", "nsswitch.conf", "hosts"):
        shutil.copy(f"/etc/{name}", folder / "etc")
    shutil.copytree("/etc/ssl", folder / "etc/ssl", symlinks=True)
    if Path("/etc/alternatives").is_dir():
        shutil.copytree("/etc/alternatives", folder / "etc/alternatives", symlinks=True)


def done(*words: str | Path) -> str:
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.mark.real
def test_the_image_serves_without_root_and_with_a_root_that_cannot_be_written(
    image: Image,
) -> None:
    box = Sandbox(seed=7)
    rfcs = box.world.database("RFCs")
    at = datetime.now(UTC) - timedelta(hours=1)
    box.world.page(rfcs.id, "Queues", [blocks.paragraph("We use the the queue.")], at=at)
    config = {"databases": [{"id": rfcs.id}], "models": ["offline"]}
    config["state"] = f"{STATE}/notion-review.db"
    (image.compose / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    secret = image.compose / "notion-token"
    secret.write_text(box.token, "ascii")
    user = int(image.config["User"].partition(":")[0])
    for mine in (secret, image.compose / "state"):
        os.chown(mine, user, user)
        mine.chmod(0o700)
    [test, *health] = image.config["Healthcheck"]["Test"]
    assert (test, user > 0) == ("CMD", True)

    with box.serve() as url:
        env = {"NOTION_TOKEN_FILE": SERVICE["environment"]["NOTION_TOKEN_FILE"]}
        env["NOTION_BASE_URL"] = url
        checked = image.run("notion-review", "check", **env)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert "no service runs" in image.run(*health, **env).stderr
        command = image.command(*image.config["Entrypoint"], **env)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
            try:
                wait(lambda: posted(box))
                well = image.run(*health, **env)
                assert (well.returncode, well.stderr) == (0, "")
            finally:
                running.terminate()
                log = running.communicate()[1]
    assert "We use the the queue" not in log
    assert '"service.stopped"' in log
    names = {path.name for path in (image.compose / "state").iterdir()}
    assert {"notion-review.db", "status.json", "notion-review.prom"} <= names


def wait(until: Any) -> None:
    end = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < end
        time.sleep(0.1)
