"""The program in surroundings that it did not choose: proxies, certificates, users, disks."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.sandbox import Sandbox, blocks
from daemon.store import database
from daemon.store.lock import lock
from support.lab import why_not
from support.places import FIXTURES, ROOT
from support.program import Program, ScriptedModel, comment, finish, plain, posted
from support.rows import some
from support.vendor_server import Reply, VendorServer, serving


CERTIFICATE = FIXTURES / "self-signed.pem"


@pytest.fixture(autouse=True)
def _on_time(box: Sandbox) -> None:
    box.clock.set(datetime.now(UTC))
    box.clock.run()


@pytest.fixture
def notion_url(box: Sandbox) -> Iterator[str]:
    """A socket: what stands between is what counts here."""
    with box.serve() as url:
        yield url


# M5: proxies and certificates.


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ALL_PROXY", "socks4://127.0.0.1:1080", "write it as http://HOST:PORT or socks5://"),
        ("http_proxy", "socks://127.0.0.1:1080", "write it as http://HOST:PORT or socks5://"),
        ("HTTPS_PROXY", "http://", "write it as"),
        ("HTTPS_PROXY", "proxy.corp:port", "write it as"),
        ("HTTPS_PROXY", "http://proxy.corp:3128\n", "write it as"),
        ("http_proxy", " ", "write it as"),
        ("NO_PROXY", "127.0.0.1,[::1]", '"[::1]" cannot be read; write an IPv6 address without'),
        ("no_proxy", "localhost, fd07:b51a:cc66::/64", "is a range"),
        ("NO_PROXY", "corp.example:abc", "its port in digits"),
        ("NO_PROXY", "münchen.example", "plain letters"),
        ("SSL_CERT_FILE", "/nonexistent/ca.pem", "cannot be read (no such file or directory)"),
        ("SSL_CERT_FILE", str(Path(__file__)), "holds no certificate"),
        ("SSL_CERT_FILE", str(Path(__file__).parent), "name a file of certificates"),
        ("SSL_CERT_DIR", str(Path(__file__).parent), "openssl rehash"),
        ("SSLKEYLOGFILE", "/nonexistent/keys", "unset it"),
        ("SSLKEYLOGFILE", "/proc/keys", "unset it"),  # root may, and yet cannot
    ],
)
@pytest.mark.parametrize("words", [["check"], ["--once"]])
def test_m5_what_no_request_could_be_made_with_is_one_line_and_78(
    program: Program, rfcs: str, words: list[str], name: str, value: str, told: str
) -> None:
    program.env[name] = value
    done = program.run(*words)
    [line] = done.err.splitlines()
    assert (done.code, line.split(":")[1].strip()) == (78, name)
    assert told in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", ""),
        ("HTTPS_PROXY", "proxy.corp:3128"),
        ("HTTPS_PROXY", "http://ana:pass@proxy.corp:3128/"),
        ("all_proxy", "socks5h://127.0.0.1:1080"),
        ("NO_PROXY", "*"),
        ("NO_PROXY", "[::1],*"),
        ("NO_PROXY", "localhost, 127.0.0.1,::1, .corp.example,*.corp,db:5432,http://x,10.0.0.0/8"),
        ("SSL_CERT_FILE", str(CERTIFICATE)),
    ],
)
def test_what_the_clients_can_read_is_taken(
    program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    import httpx
    import httpx2

    program.env[name] = value
    assert program.run("check").code == 0
    monkeypatch.setenv(name, value)
    httpx.AsyncClient()
    httpx2.AsyncClient()


def test_a_range_that_would_spare_a_server_the_proxy_is_told(program: Program, rfcs: str) -> None:
    program.env |= {"NO_PROXY": "127.0.0.0/8", "HTTP_PROXY": "http://proxy.corp:3128"}
    assert "name each address itself" in program.run("check").err
    del program.env["HTTP_PROXY"]
    assert program.run("check").code == 0


def test_m5_a_dead_proxy_is_named_with_its_variable_and_without_its_password(
    program: Program, rfcs: str
) -> None:
    program.env["HTTP_PROXY"] = "http://ana:planted@127.0.0.1:9"
    done = program.run("doctor")
    [token, model] = [line for line in done.out.splitlines() if line.startswith("problem")]
    for line in (token, model):
        assert "the proxy http://127.0.0.1:9 (HTTP_PROXY) gives no connection" in line
        assert "connection refused" in line
    assert "planted" not in done.out + done.err
    program.env["NO_PROXY"] = "127.0.0.1"
    assert program.run("doctor").code == 0


def test_m5_a_certificate_that_nobody_vouches_for_is_named_with_the_cure(
    program: Program, rfcs: str
) -> None:
    with serving(VendorServer(), CERTIFICATE) as untrusted:
        program.env["ANTHROPIC_BASE_URL"] = untrusted.url
        done = program.run("doctor")
    [line] = [line for line in done.out.splitlines() if line.startswith("problem")]
    assert "its certificate is not trusted (self-signed certificate)" in line
    assert "SSL_CERT_FILE" in line


def test_a_server_without_tls_behind_https_is_told_with_the_cure(
    program: Program, rfcs: str, model: ScriptedModel
) -> None:
    program.env["ANTHROPIC_BASE_URL"] = model.url.replace("http:", "https:")
    done = program.run("doctor")
    [line] = [line for line in done.out.splitlines() if line.startswith("problem")]
    assert "it speaks no TLS there; write http:// in its address" in line


def test_a_certificate_in_ssl_cert_file_is_trusted(
    program: Program, rfcs: str, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl, "create_default_context", ssl.create_default_context.__wrapped__)
    program.env["SSL_CERT_FILE"] = str(CERTIFICATE)
    with serving(ScriptedModel(), CERTIFICATE) as trusted:
        program.env["ANTHROPIC_BASE_URL"] = trusted.url
        assert program.run("doctor").code == 0


class _Socks(socketserver.StreamRequestHandler):
    """SOCKS5 as RFC 1928 has it, without a password."""

    def handle(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.wfile.write(b"\5\0")
        *_, kind = self.rfile.read(4)
        length = 4 if kind == 1 else self.rfile.read(1)[0]
        host = self.rfile.read(length)
        port = int.from_bytes(self.rfile.read(2), "big")
        name = socket.inet_ntoa(host) if kind == 1 else host.decode()
        self.server.asked.append((name, port))  # type: ignore[attr-defined]
        with socket.create_connection((name, port)) as there:
            self.wfile.write(b"\5\0\0\1" + bytes(6))
            back = threading.Thread(target=_copy, args=(there, self.connection))
            back.start()
            _copy(self.connection, there)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65_536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


@contextmanager
def socks() -> Iterator[tuple[str, list[Any]]]:
    """Serve as a SOCKS proxy; yield its address, and a list of where it was asked to connect."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Socks) as server:
        server.daemon_threads = True
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"socks5://127.0.0.1:{server.server_address[1]}", server.asked  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def test_m5_a_socks_proxy_works_for_notion_and_for_the_models(
    program: Program, rfcs: str, model: ScriptedModel
) -> None:
    with socks() as (url, asked):
        program.env["ALL_PROXY"] = url
        done = program.run("doctor")
    assert done.code == 0, done.out
    assert {f"http://{host}:{port}" for host, port in asked} == {
        program.env["NOTION_BASE_URL"],
        model.url,
    }


# M6: alerts that reach nobody.


@pytest.fixture
def script(program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program beside the config and in the home, which writes what it is told to `told`."""
    path = program.folder / "tell.sh"
    path.write_text(f"#!/bin/sh\ncat >> {program.folder}/told\n")
    path.chmod(0o755)
    monkeypatch.setenv("HOME", str(program.folder))
    return path


@pytest.mark.parametrize("command", ["./tell.sh", "~/tell.sh", "../conf/tell.sh"])
def test_m6_a_path_of_a_command_starts_at_the_config_or_at_home(
    program: Program, rfcs: str, script: Path, command: str
) -> None:
    folder = program.folder / "conf"
    folder.mkdir()
    if not command.startswith("~"):
        script.rename(folder / script.name)
    config = {**program.config, "alerts": {"command": [command]}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert program.run("check", "--config", "conf/config.yaml").code == 0
    assert program.run("doctor", "--config", "conf/config.yaml").code == 0
    message = json.loads((program.folder / "told").read_text())
    assert (message["alert"], message["state"]) == ("doctor", "test")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("./tell.sh", "is not executable; chmod +x"),
        ("~/nothing.sh", "does not exist; a path starts at the folder of the config"),
        ("/", "is a folder"),
        ("tell.sh", "is not in PATH; write its path, such as ./tell.sh"),
    ],
)
def test_m6_a_command_that_cannot_run_is_found_by_check_and_doctor(
    program: Program, rfcs: str, script: Path, command: str, told: str
) -> None:
    script.chmod(0o644)
    program.config["alerts"] = {"command": [command]}
    done = program.run("check")
    [line] = done.err.splitlines()
    assert (done.code, told in line, "alerts.command: " in line) == (78, True, True)
    done = program.run("doctor")
    assert done.code == 3
    assert "problem  alerts.command: " in done.out


def test_m6_doctor_asks_every_way_by_which_people_are_told(
    program: Program, rfcs: str, script: Path
) -> None:
    assert "nobody is told when something needs a person" in program.run("doctor").out
    hook = VendorServer()
    hook.script = [Reply("")]
    with serving(hook):
        program.config["alerts"] = {"command": ["./tell.sh"], "url": f"{hook.url}/hook"}
        program.env["PING_URL"] = f"{hook.url}/uuid"
        fine = program.run("doctor")
        hook.script = [Reply("", 500)]
        bad = program.run("doctor")
    for name in ("alerts.command", "alerts.url", "PING_URL"):
        assert f"ok       {name}: " in fine.out
    assert [one.body["state"] for one in hook.sent if one.path == "/hook"] == ["test", "test"]
    assert [one.path for one in hook.sent if "uuid" in one.path] == ["/uuid/log"] * 2
    for name in ("alerts.url", "PING_URL"):
        assert f"problem  {name}: the URL answers 500" in bad.out
    assert f"{hook.url}/hook" not in fine.out + bad.out


def test_m6_an_alert_needs_no_folder_for_temporary_files(
    program: Program, rfcs: str, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    program.config["alerts"] = {"command": ["./tell.sh"]}
    program.config["databases"] = [{"id": "11111111-1111-4111-8111-111111111111"}]
    assert program.run("--once").code == 77
    assert "access 1111" in (program.folder / "told").read_text()


def test_m6_a_title_in_an_alert_is_plain_and_cut_and_calls_nobody(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, script: Path
) -> None:
    title = "<!channel> @here " + "x" * 500
    box.world.page(rfcs, title, [blocks.paragraph("We use queues.")])
    box.clock.advance(timedelta(hours=1))
    program.config |= {"alerts": {"command": ["./tell.sh"], "waiting": "1m"}}
    model.think = lambda _document, _turn: Reply("down", 503)
    program.run("--once")
    told = [json.loads(line) for line in (program.folder / "told").read_text().splitlines()]
    [text] = [one["text"] for one in told if one["alert"] == "waiting"]
    assert '"(!channel) @\u200bhere xxx' in text
    assert len(text) < 300
    assert not {"<", ">"} & set(text)


# Point 7: what the operator reads.


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("settle: ten", 'settle: "ten" is not a duration'),
        ("models: []\nsettle: ten", "(and 1 more: notion-review check)"),
        ("  - : [", "is broken YAML"),
    ],
)
def test_status_and_explain_work_beside_a_config_with_a_mistake(
    box: Sandbox, program: Program, rfcs: str, broken: str, told: str
) -> None:
    program.config["state"] = "elsewhere/kept.db"
    page = box.world.page(rfcs, "Queues", [blocks.paragraph("We use queues.")]).id
    program.sweep()
    text = (program.folder / "config.yaml").read_text()
    file = program.folder / "broken.yaml"
    file.write_text(f"{text}{broken}\n")
    status = program.run("status", "--json", "--config", "broken.yaml")
    explained = program.run("explain", page, "--config", "broken.yaml")
    for done in (status, explained):
        [line] = done.err.splitlines()
        assert (done.code, told in line, "broken.yaml" in line) == (0, True, True)
    assert status.json["last_sweep"]["outcome"] == "ok"
    assert "Queues" in explained.out
    if "YAML" not in told:
        assert [one["name"] for one in status.json["databases"]] == ["RFCs"]


def test_status_needs_the_path_of_the_state(program: Program, rfcs: str) -> None:
    program.config["state"] = ["a", "list"]
    done = program.run("status")
    assert (done.code, "state: " in done.err) == (78, True)
    missing = program.run("status", "--config", "nowhere.yaml")
    assert (missing.code, "no such file" in missing.err) == (78, True)


@pytest.mark.parametrize("words", [["check"], ["doctor"]])
@pytest.mark.parametrize("sweeps", [0, 1])
def test_the_disk_of_the_state_is_written_on_before_it_is_called_sound(
    program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch, words: list[str], sweeps: int
) -> None:
    for _ in range(sweeps):
        program.sweep()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    done = program.run(*words)
    said = done.out + done.err
    assert "No space left on device" in said
    assert "free space" in said
    assert done.code == (3 if words == ["doctor"] else 74)


# M10: lesser things.


def outside(
    program: Program, redirected: str, *words: str, **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a shell does, with its streams redirected, in no other environment."""
    program.write()
    command = [sys.executable, "-m", "daemon", *words]
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirected}', "sh", *command],
        cwd=program.folder,
        env={"PYTHONPATH": str(ROOT), **program.env, **env},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "redirected",
    some({one: one for one in ("2>&-", "2>/dev/full", "<&- 2>&-")}, {"2>/dev/full", "<&- 2>&-"}),
)
def test_m10_a_closed_or_full_standard_error_stops_nothing(
    box: Sandbox, program: Program, rfcs: str, redirected: str
) -> None:
    program.config["models"] = ["offline"]
    box.world.page(rfcs, "Queues", [blocks.paragraph("We use queues.")])
    box.clock.advance(timedelta(hours=1))
    done = outside(program, redirected, "--once", "--json")
    assert (done.returncode, json.loads(done.stdout)["pages_reviewed"]) == (0, 1)
    with contextlib.closing(database.open_state(program.folder / "state/notion-review.db")) as db:
        assert database.check_integrity(db) == "ok"


def test_data_that_cannot_be_written_is_one_line_and_74(program: Program, rfcs: str) -> None:
    done = outside(program, ">/dev/full", "status")
    assert done.returncode == 74
    assert done.stderr == (
        b"notion-review: standard output: cannot be written (No space left on device)\n"
    )
    assert outside(program, ">&-", "status").returncode == 0


def test_m10_under_an_ascii_locale_log_lines_and_data_are_json(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.config["models"] = ["offline"]
    program.config["databases"][0]["name"] = "Größen 📐"
    box.world.page(rfcs, "Größen 📐", [blocks.paragraph("We use queues.")])
    box.clock.advance(timedelta(hours=1))
    ascii_ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = outside(program, "", "--once", **ascii_)
    said = [json.loads(line) for line in done.stderr.decode("ascii").splitlines()]
    assert "Größen 📐" in {one.get("title") for one in said}
    status = outside(program, "", "status", "--json", **ascii_)
    assert json.loads(status.stdout.decode("ascii"))["databases"][0]["name"] == "Größen 📐"
    words = outside(program, "", "status", **ascii_)
    assert (words.returncode, b"Gr" in words.stdout) == (0, True)


def test_m10_a_symlink_to_the_state_shares_its_lock(program: Program, rfcs: str) -> None:
    program.sweep()
    real = program.folder / "state/notion-review.db"
    (program.folder / "link.db").symlink_to(real)
    program.config["state"] = "link.db"
    with lock(real):
        done = program.run("--once")
    assert (done.code, f"{real}.lock" in done.err) == (75, True)
    assert program.sweep().json["outcome"] == "ok"
    assert sorted(path.name for path in program.folder.glob("link.db*")) == ["link.db"]


@pytest.mark.parametrize("variable", ["$HOME", "${XDG_STATE_HOME}"])
def test_m10_a_variable_in_a_path_is_an_error_with_the_cure(
    program: Program, rfcs: str, variable: str
) -> None:
    program.config["state"] = f"{variable}/x"
    done = program.run("check")
    [line] = done.err.splitlines()
    assert (done.code, f"holds {variable}, which is not replaced" in line) == (78, True)
    assert "~/ for the home folder" in line


def test_m10_models_that_go_down_and_up_are_told_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, script: Path
) -> None:
    program.config["alerts"] = {"command": ["./tell.sh"]}

    def sweep(*, up: bool) -> None:
        box.world.page(rfcs, "Queues", [blocks.paragraph("We use queues.")])
        box.clock.advance(timedelta(hours=2))
        model.think = lambda _document, _turn: [finish()] if up else Reply("down", 503)
        program.run("--once")

    for up in [False, True] * 4 + [True]:
        sweep(up=up)
    told = program.folder / "told"
    assert [json.loads(line)["state"] for line in told.read_text().splitlines()] == ["raised"]
    sweep(up=True)
    assert [json.loads(line)["state"] for line in told.read_text().splitlines()] == [
        "raised",
        "over",
    ]


def test_m10_a_database_that_has_no_prompt_to_be_reviewed_under_is_not_ok(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.config["databases"][0]["prompt"] = box.world.page(None, "Prompt", []).id
    page = box.world.page(rfcs, "Queues", [blocks.paragraph("We use queues.")]).id
    box.clock.advance(timedelta(hours=1))
    for words in (["--once", "--json"], ["review", page, "--json"]):
        done = program.run(*words)
        assert (done.code, done.json["outcome"]) == (3, "partial")
        assert "RFCs is not reviewed" in done.err


# A bare container image: no name for the user, nothing to be written but one folder.

CONTAINER = ROOT / "tests/support/container.sh"


def contained(program: Program, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program in such a container; the config's folder can be written."""
    program.write()
    variables = {"PATH": "/usr/bin:/bin", "LANG": "C", **program.env, **env}
    variables["PYTHONPATH"] = "/mnt/project:/mnt/packages"
    return subprocess.run(
        [
            *("unshare", "--mount", "--fork", str(CONTAINER)),
            *(str(ROOT), sysconfig.get_path("purelib"), str(program.folder)),
            *("env", "-i", *(f"{name}={value}" for name, value in variables.items())),
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def _container() -> None:
    if reason := why_not():
        pytest.skip(reason)
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not here")


@pytest.mark.real
@pytest.mark.usefixtures("_container")
def test_in_a_bare_container_it_reviews_posts_and_tells_people(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, script: Path
) -> None:
    script.write_text("#!/bin/sh\ncat >> /mnt/work/told\n")
    program.config["alerts"] = {"command": ["./tell.sh"], "waiting": "1m"}
    for title in ("Queues", "Größen"):
        box.world.page(rfcs, title, [blocks.paragraph("We use queues.")])
    box.clock.advance(timedelta(hours=1))
    model.think = lambda document, _turn: (
        Reply("flagged", 400)
        if "Größen" in document
        else [comment("B1", "queues", "Which queues?"), finish()]
    )
    run = ("/usr/bin/python3", "-m", "daemon")
    checked = contained(program, *run, "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    done = contained(program, *run, "--once")
    assert done.returncode == 3, done.stderr
    for line in done.stderr.splitlines():
        json.loads(line)
    [said] = posted(box)
    assert plain(said).endswith("Which queues?")
    assert '"alert": "waiting"' in (program.folder / "told").read_text()
    assert contained(program, *run, "status").returncode == 0
    assert sorted(path.name for path in (program.folder / "state").iterdir()) == [
        "notion-review.db",
        "notion-review.db.lock",
        "notion-review.prom",
        "notion-review.recordings",
        "status.json",
    ]


@pytest.mark.usefixtures("_container")
@pytest.mark.parametrize(
    "name",
    some(
        {name: name for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")},
        {"ALL_PROXY"},
    ),
)
def test_in_a_container_each_proxy_is_kept_to_its_exceptions(
    program: Program, rfcs: str, name: str
) -> None:
    program.config["models"] = ["offline"]
    env = {name: "socks5://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1,::1,.svc"}
    done = contained(program, "/usr/bin/python3", "-m", "daemon", "--once", **env)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
@pytest.mark.usefixtures("_container")
def test_in_a_container_with_a_proxy_the_demo_works(program: Program, rfcs: str) -> None:
    env = {"HTTP_PROXY": "http://127.0.0.1:9", "COLUMNS": "100"}
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        del program.env[name]
    done = contained(program, "/usr/bin/python3", "-m", "daemon", "demo", **env)
    assert done.returncode == 0, done.stderr
    assert "7 comments" in done.stdout


@pytest.mark.usefixtures("_container")
def test_in_a_container_the_demo_says_what_it_needs(program: Program, rfcs: str) -> None:
    run = ("/bin/sh", "-c", "cd / && exec python3 -m daemon demo")
    done = contained(program, *run)
    [line] = done.stderr.splitlines()
    assert (done.returncode, "name one in TMPDIR" in line) == (74, True)
