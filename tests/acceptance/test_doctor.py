"""`doctor` finds what is wrong and says how to mend it; `init` writes what then works."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from daemon.cli.init import Answers
from daemon.cli.setup import write
from daemon.config import environment, reference
from daemon.domain import notation
from daemon.review.models.access import ModelAccess
from daemon.review.models.endpoints import retirement
from daemon.sandbox import Sandbox, blocks
from daemon.store import database
from support.program import ANTHROPIC_KEY, Program, ScriptedModel
from support.vendor_server import Reply, VendorServer, chat_completion, serving


HOUR = timedelta(hours=1)
NOWHERE = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(autouse=True)
def _on_time(box: Sandbox) -> None:
    """Notion's clock goes with this machine's, as it does where nothing is wrong."""
    box.clock.set(datetime.now(UTC))
    box.clock.run()


def checks(program: Program) -> dict[str, list[dict[str, str]]]:
    """What doctor found, by name."""
    done = program.run("doctor", "--json")
    found: dict[str, list[dict[str, str]]] = {}
    for one in done.json["checks"]:
        found.setdefault(one["name"], []).append(one)
    problems = any(one["standing"] == "problem" for one in done.json["checks"])
    assert done.code == (3 if problems else 0)
    assert done.json["ok"] is not problems
    return found


def problem(program: Program, name: str) -> str:
    """The one problem with a thing, in words, with its remedy."""
    [one] = [one for one in checks(program)[name] if one["standing"] == "problem"]
    return f"{one['words']}; {one['remedy']}"


def test_where_nothing_is_wrong_it_says_so_line_by_line_and_changes_nothing(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    box.world.page(rfcs, "Queues", [blocks.paragraph("Text.")])
    done = program.run("doctor")
    assert done.code == 0
    assert done.err == "asking anthropic:claude-sonnet-5-5, for at most 30 s …\n"
    lines = done.out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok", "note"}
    for name in ("config", "state", "token", "clock", "database", "reading", "posting", "model"):
        assert any(line.split()[1].rstrip(":") == name for line in lines), name
    assert list(box.world.comments()) == []
    assert not list(program.folder.rglob("*.db*"))


def test_a_wrong_token(program: Program, rfcs: str) -> None:
    program.env["NOTION_TOKEN"] = "ntn_wrong000000000000000000000000000000"
    words = problem(program, "token")
    assert "NOTION_TOKEN" in words
    assert "copy the current one" in words


def test_a_database_that_is_not_shared(box: Sandbox, program: Program, rfcs: str) -> None:
    box.world.unshare(rfcs)
    assert "Connections, and add the connection" in problem(program, f"database {rfcs}")


def test_a_property_that_is_in_no_database(program: Program, rfcs: str) -> None:
    program.config["databases"][0] |= {"name": "RFCs", "where": {"Staus": ["Ready"]}}
    words = problem(program, "database RFCs")
    assert "'Staus'" in words
    assert "known are" in words


@pytest.mark.parametrize(
    ("capability", "name", "remedy"),
    [
        ("read_comments", "reading comments", "turn on Read comments"),
        ("insert_comments", "posting comments", "turn on Insert comments"),
    ],
)
def test_a_comment_capability_that_is_off(
    box: Sandbox, program: Program, rfcs: str, capability: str, name: str, remedy: str
) -> None:
    page = box.world.page(rfcs, "Queues", [blocks.paragraph("Text.")])
    program.env["NOTION_TOKEN"] = box.add_bot("Limited", **{capability: False})
    assert remedy in problem(program, name)
    assert list(box.world.comments(page)) == []


def test_a_prompt_page_that_is_empty_or_unreadable(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    prompt = box.world.page(None, "How we review", [])
    program.config["databases"][0] |= {"name": "RFCs", "prompt": prompt.id}
    assert "it is empty; write the prompt into it" in problem(program, "prompt of RFCs")
    box.world.unshare(prompt)
    assert "share the page" in problem(program, "prompt of RFCs")


def test_a_prompt_page_that_broke_is_found_though_its_last_version_stays_in_use(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    prompt = box.world.page(None, "How we review", [blocks.paragraph("Be strict.")])
    program.config["databases"][0] |= {"name": "RFCs", "prompt": prompt.id}
    box.world.page(rfcs, "Queues", [blocks.paragraph("Text.")], at=box.clock() - HOUR)
    program.sweep()
    box.world.unshare(prompt)
    assert "share the page" in problem(program, "prompt of RFCs")


def test_a_model_key_that_is_wrong(program: Program, model: ScriptedModel, rfcs: str) -> None:
    body = {"type": "error", "error": {"type": "authentication_error", "message": "bad key"}}
    model.think = lambda _document, _turn: Reply(body, 401)
    words = problem(program, "model")
    assert "ANTHROPIC_API_KEY" in words
    assert "put a valid one" in words


def test_a_model_that_nobody_knows(program: Program, model: ScriptedModel, rfcs: str) -> None:
    body = {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}
    model.think = lambda _document, _turn: Reply(body, 404)
    assert "correct the name under `models`" in problem(program, "model")


def test_a_model_that_is_out_of_reach(program: Program, model: ScriptedModel, rfcs: str) -> None:
    model.think = lambda _document, _turn: Reply("down", 503)
    assert "503" in problem(program, "model")


def test_a_model_that_is_retiring(program: Program, model: ScriptedModel, rfcs: str) -> None:
    told = {
        "type": "model",
        "id": "claude-sonnet-5-5",
        "display_name": "Claude",
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "deprecated",
        "deprecated_at": "2026-10-01T00:00:00Z",
        "retires_at": "2027-01-31T00:00:00Z",
    }
    with telling_models(program.env["ANTHROPIC_BASE_URL"], told) as url:
        program.env["ANTHROPIC_BASE_URL"] = url
        words = problem(program, "model")
    assert "is deprecated and retires on 2027-01-31" in words
    assert "choose another under `models`" in words


@contextmanager
def telling_models(behind: str, told: Any) -> Iterator[str]:
    """A server that answers GET with `told`, and passes POST on to the one behind it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(json.dumps(told).encode())

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(httpx.post(behind + self.path, content=raw).content)

        def _answer(self, payload: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["openai:gpt-4o", "offline"])
def test_nothing_is_known_of_the_retirement_of_other_models(name: str) -> None:
    assert not asyncio.run(retirement(name, ModelAccess(keys={"openai": "x"})))


def test_a_clock_that_is_wrong(box: Sandbox, program: Program, rfcs: str) -> None:
    box.clock.advance(HOUR)
    words = problem(program, "clock")
    assert words.startswith(("3600 s behind", "3599 s behind"))
    assert "timedatectl set-ntp true" in words


def test_a_state_that_is_damaged(program: Program, rfcs: str) -> None:
    program.config["state"] = "state.db"
    (program.folder / "state.db").write_bytes(b"no database at all" * 500)
    assert "restore a backup" in problem(program, "state")


def test_a_state_that_cannot_be_written(
    program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.config["state"] = "state.db"
    program.sweep()
    # Root may write everywhere but on a read-only disk.
    monkeypatch.setattr("daemon.operations.check.os.access", lambda *_: False)
    assert "is not writable for this user; mend its permissions" in problem(program, "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_state_of_another_user(program: Program, rfcs: str) -> None:
    program.config["state"] = "state.db"
    program.sweep()
    os.chown(program.folder / "state.db", 12345, 12345)
    assert "belongs to user 12345" in problem(program, "state")


def test_a_lock_that_is_held_is_worth_knowing_and_no_fault(program: Program, rfcs: str) -> None:
    program.config["state"] = "state.db"
    program.sweep()
    with (program.folder / "state.db.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        [held] = checks(program)["lock"]
    assert held["standing"] == "note"
    assert "held by pid" in held["words"]
    assert held["remedy"]


def test_a_last_success_that_is_too_long_ago(program: Program, rfcs: str) -> None:
    program.config["state"] = "state.db"
    program.sweep()
    [fine] = checks(program)["last success"]
    assert fine["standing"] == "ok"
    _age(program.folder / "state.db", timedelta(hours=4))
    words = problem(program, "last success")
    assert "every 1:00:00" in words
    assert "systemctl status" in words


def _age(path: Path, by: timedelta) -> None:
    state = database.open_state(path)
    then = notation.iso(datetime.now(UTC) - by)
    state.execute("UPDATE sweeps SET started = ?, finished = ?", [then, then])
    state.close()


def test_notion_out_of_reach_is_a_problem_and_the_models_are_still_asked(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    box.faults.plant("server_error", times=None)
    assert "cannot be reached" in problem(program, "token")
    assert [one["standing"] for one in checks(program)["model"]] == ["ok"]
    assert model.sent


def test_a_bad_config_is_78_as_everywhere(program: Program, rfcs: str) -> None:
    program.config["settle"] = "ten"
    assert program.run("doctor").code == 78


# --- init


def init(program: Program, *words: str) -> Any:
    """Run init in a folder without a config; secrets come from the environment."""
    program.write = lambda: None  # type: ignore[method-assign]
    return program.run("init", *words)


@pytest.fixture
def prompt(box: Sandbox) -> str:
    return str(box.world.page(None, "How we review", [blocks.paragraph("Be strict.")]).id)


def test_what_init_writes_is_checked_commented_and_works(
    box: Sandbox, program: Program, rfcs: str, prompt: str
) -> None:
    done = init(program, "--database", rfcs, "--prompt", prompt)
    assert done.code == 0
    assert "database   RFCs" in done.out
    assert "prompt     How we review" in done.out
    assert "model      anthropic:claude-sonnet-5-5: ok" in done.out
    path = program.folder / "config.yaml"
    assert path.read_text() == reference.example(rfcs, prompt, schema=str(reference.SCHEMA))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert program.run("check").code == 0
    assert program.sweep().json["outcome"] == "ok"


def test_init_refuses_to_overwrite_what_somebody_worked_on(program: Program, rfcs: str) -> None:
    path = program.folder / "config.yaml"
    path.write_text("databases: []\n")
    done = init(program, "--database", rfcs, "--prompt", "")
    assert (done.code, path.read_text()) == (2, "databases: []\n")
    assert "--force" in done.err
    assert init(program, "--database", rfcs, "--prompt", "", "--force").code == 0


def test_init_takes_the_place_of_the_untouched_example(program: Program, rfcs: str) -> None:
    (program.folder / "config.yaml").write_text(reference.example())
    assert init(program, "--database", rfcs, "--prompt", "").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--database", "nonsense", "--prompt", ""], "--database: is neither an id"),
        (
            ["--database", "11111111-1111-4111-8111-111111111111", "--prompt", ""],
            "--database: Notion does not show it",
        ),
    ],
)
def test_init_writes_nothing_where_the_database_is_wrong(
    program: Program, rfcs: str, words: list[str], told: str
) -> None:
    done = init(program, *words)
    assert done.code == 2
    [line] = done.err.splitlines()
    assert told in line
    assert not (program.folder / "config.yaml").exists()


def test_init_writes_nothing_where_the_prompt_page_is_empty(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    empty = box.world.page(None, "Empty", []).id
    done = init(program, "--database", rfcs, "--prompt", empty)
    assert done.code == 2
    assert "write the prompt into it" in done.err
    assert not (program.folder / "config.yaml").exists()


def test_init_with_a_wrong_token_is_77(program: Program, rfcs: str) -> None:
    program.env["NOTION_TOKEN"] = "ntn_wrong000000000000000000000000000000"
    done = init(program, "--database", rfcs, "--prompt", "")
    assert done.code == 77
    assert "ntn_wrong" not in done.out + done.err


def test_init_with_a_wrong_model_key_is_77_and_writes_nothing(
    program: Program, model: ScriptedModel, rfcs: str
) -> None:
    body = {"type": "error", "error": {"type": "authentication_error", "message": "bad key"}}
    model.think = lambda _document, _turn: Reply(body, 401)
    done = init(program, "--database", rfcs, "--prompt", "")
    assert done.code == 77
    assert "ANTHROPIC_API_KEY" in done.err
    assert not (program.folder / "config.yaml").exists()


def test_init_writes_though_a_model_is_down_and_says_so(
    program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = lambda _document, _turn: Reply("down", 503)
    done = init(program, "--database", rfcs, "--prompt", "")
    assert done.code == 0
    [line] = [line for line in done.out.splitlines() if line.startswith("model ")]
    assert "DID NOT ANSWER" in line
    assert "503" in line
    *_, ending, following = done.out.splitlines()
    assert ending.startswith("to do      anthropic:claude-sonnet-5-5 did not answer; mend that")
    assert following.startswith("next ")
    assert (program.folder / "config.yaml").exists()


@pytest.mark.parametrize(
    ("missing", "told"),
    [("NOTION_TOKEN", "give NOTION_TOKEN"), ("ANTHROPIC_API_KEY", "or --offline")],
)
def test_init_without_a_terminal_says_what_to_give(
    program: Program, rfcs: str, missing: str, told: str
) -> None:
    del program.env[missing]
    done = init(program)
    assert done.code == 2
    [line] = done.err.splitlines()
    assert missing in line
    assert told in line


def test_init_for_rules_alone_needs_no_key_and_what_it_writes_works(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    del program.env["ANTHROPIC_API_KEY"]
    done = init(program, "--database", rfcs, "--prompt", "", "--offline")
    assert done.code == 0
    assert "model      offline: rules alone" in done.out
    config = yaml.safe_load((program.folder / "config.yaml").read_text())
    assert config["models"] == ["offline"]
    assert program.sweep().json["outcome"] == "ok"


def test_no_key_given_to_init_on_a_terminal_means_rules_alone(
    program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del program.env["ANTHROPIC_API_KEY"]
    asked = []

    def ask(question: str, **_: Any) -> str:
        asked.append(question)
        return ""

    monkeypatch.setattr("daemon.cli.commands.click.prompt", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    done = init(program, "--database", rfcs, "--prompt", "")
    assert done.code == 0, done.err
    assert "rules alone" in asked[-1]
    assert "models: [offline]" in (program.folder / "config.yaml").read_text()


def test_init_asks_on_a_terminal_for_what_it_needs_and_shows_no_secret(
    box: Sandbox, program: Program, rfcs: str, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, key = program.env.pop("NOTION_TOKEN"), program.env.pop("ANTHROPIC_API_KEY")
    answers = {"token": token, "ANTHROPIC": key, "Database": rfcs, "Prompt": prompt, "OPENAI": ""}
    hidden = {}

    def ask(question: str, *, hide_input: bool, **_: Any) -> str:
        name = next(name for name in answers if name in question)
        hidden[name] = hide_input
        return answers[name]

    monkeypatch.setattr("daemon.cli.commands.click.prompt", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    done = init(program)
    assert done.code == 0, done.err
    secret = {"token": True, "ANTHROPIC": True, "OPENAI": True}
    assert hidden == {**secret, "Database": False, "Prompt": False}
    assert token not in done.out + done.err
    assert "export NOTION_TOKEN=…" in done.out
    assert key not in (program.folder / "config.yaml").read_text()


def test_init_asks_again_for_what_is_wrong_alone_and_keeps_the_rest(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    prompt: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, key = program.env.pop("NOTION_TOKEN"), program.env.pop("ANTHROPIC_API_KEY")
    empty = str(box.world.page(None, "Empty", []).id)
    nowhere = "11111111-1111-4111-8111-111111111111"
    answers = {
        "token": ["two words", "ntn_wrong000000000000000000000000000000", token],
        "ANTHROPIC": [f"{key}-old", key],
        "OPENAI": [""],
        "Database": ["nonsense", nowhere, rfcs],
        "Prompt": ["nonsense", empty, prompt],
    }
    asked = []

    def ask(question: str, **_: Any) -> str:
        name = next(name for name in answers if name in question)
        asked.append(name)
        return answers[name].pop(0)

    refused = {"type": "error", "error": {"type": "authentication_error", "message": "bad key"}}
    replies = iter([Reply(refused, 401)])
    think = model.think
    model.think = lambda document, turn: next(replies, None) or think(document, turn)
    monkeypatch.setattr("click.prompt", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    done = init(program)
    assert done.code == 0, done.err
    assert not any(answers.values())
    assert asked[:4] == ["token", "token", "token", "ANTHROPIC"], "it is tried at once"
    complaints = done.err.splitlines()
    assert {line.partition(": ")[0] for line in complaints if "neither an id" in line} == {
        "Database URL",
        "Prompt page URL",
    }
    for told in ("neither an id", "does not show it", "is empty", "refuses the token", "401"):
        assert any(told in line for line in complaints), told
    assert (program.folder / "config.yaml").exists()


def test_init_tells_options_capabilities_and_what_it_would_review_now(
    box: Sandbox, program: Program
) -> None:
    rfcs = box.world.database("RFCs", {"Status": ["Draft", "In review"]}).id
    done = init(program, "--database", rfcs, "--prompt", "")
    assert "options    Status: Draft, In review; `where` selects by them" in done.out
    assert "comments   reading: not tried: there is no page yet" in done.out
    assert "now        nothing: no page was edited in the last 1d" in done.out
    for title in ("One", "Two", "Three", "Four", "Five"):
        box.world.page(rfcs, title, [blocks.paragraph("Text.")])
    box.world.page(rfcs, "Old", [blocks.paragraph("Text.")], at=box.clock() - 48 * HOUR)
    done = init(program, "--database", rfcs, "--prompt", "", "--force")
    [now] = [line for line in done.out.splitlines() if line.startswith("now ")]
    assert now.startswith("now        5 pages of the last 1d: ")
    assert now.endswith(" and 2 more")
    assert "Old" not in now
    assert "comments   posting: allowed" in done.out
    assert done.out.splitlines()[-1].startswith("next ")


def test_init_says_what_a_link_is_that_is_of_the_wrong_kind(
    box: Sandbox, program: Program, rfcs: str, prompt: str
) -> None:
    source = next(iter(box.world.state.sources))
    for database_, prompt_, told in (
        (prompt, "", "--database: this is a page, not a database (How we review); copy the link"),
        (rfcs, rfcs, "--prompt: this is the database to review; give a page"),
        (rfcs, source, "--prompt: this is the database to review; give a page"),
        ("1" * 32, "", "--database: Notion does not show it"),
        (rfcs, "1" * 32, "--prompt: Notion does not show it"),
    ):
        done = init(program, "--database", database_, "--prompt", prompt_)
        assert (done.code, done.out) == (2, "")
        assert told in done.err


def test_init_takes_a_database_of_prompts(box: Sandbox, program: Program, rfcs: str) -> None:
    prompts = box.world.database("Lenses", {"Applies to": "multi_select"}).id
    done = init(program, "--database", rfcs, "--prompt", prompts)
    assert (done.code, "prompt     Lenses, a database of prompts\n" in done.out) == (0, True)


def test_a_database_without_the_properties_of_prompts_is_told_what_it_lacks(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    names = box.world.database("Names", {"Order": "number"})
    box.world.page(names, "Ana", [blocks.paragraph("Ana knows the queue.")])
    lacks = "it has no property “Applies to” or “Active”: each of its rows counts as a prompt for"
    done = init(program, "--database", rfcs, "--prompt", names.id)
    assert f"prompt     Names, a database of prompts; {lacks}" in done.out
    program.config["databases"][0]["prompt"] = names.id
    [said] = [one for one in checks(program)["prompt of RFCs"] if lacks in one["words"]]
    assert said["standing"] == "note"


def test_in_a_clone_init_leaves_the_file_of_git_alone_and_its_own_comes_first(
    program: Program, rfcs: str
) -> None:
    (program.folder / ".git").mkdir()
    tracked = program.folder / "config.yaml"
    tracked.write_text("databases: []\n")
    assert init(program, "--database", rfcs, "--prompt", "").code == 0
    assert tracked.read_text() == "databases: []\n"
    assert "config.local.yaml" in program.run("check").out
    assert program.sweep().json["outcome"] == "ok"


@pytest.mark.parametrize(
    ("folder", "state", "unit"),
    [
        ("", "notion-review", "notion-review"),
        ("tools", "notion-review-tools", "notion-review@tools"),
    ],
)
def test_for_a_service_init_writes_the_secrets_as_files_for_root_alone(
    tmp_path: Path, program: Program, rfcs: str, folder: str, state: str, unit: str
) -> None:
    around = environment.read(program.env)
    path = tmp_path / "etc" / folder / "config.yaml"
    lines = write(path, Answers(rfcs, "", (), around), system=tmp_path / "etc")
    assert [line.split()[0] for line in lines] == ["written"] * 4 + ["to"]
    assert lines[-1].endswith(f"systemctl enable --now {unit}")
    config = yaml.safe_load(path.read_text())
    assert config["state"] == f"/var/lib/{state}/notion-review.db"
    for name, secret in (
        ("notion-token", program.env["NOTION_TOKEN"]),
        ("anthropic-api-key", ANTHROPIC_KEY),
    ):
        file = path.with_name(name)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text().strip() == secret
    assert not path.with_name("openai-api-key").exists()
    addresses = path.with_name("environment").read_text().splitlines()
    assert addresses == [
        f"{name}={program.env[name]}" for name in ("NOTION_BASE_URL", "ANTHROPIC_BASE_URL")
    ]


def test_init_adds_to_the_services_addresses_only_what_is_missing(
    tmp_path: Path, program: Program, rfcs: str
) -> None:
    path = tmp_path / "config.yaml"
    kept = "NOTION_BASE_URL=https://elsewhere.example\nHTTPS_PROXY=http://ana:pw@proxy:3128"
    file = path.with_name("environment")
    file.write_text(kept)
    file.chmod(0o600)
    for _ in range(2):
        write(path, Answers(rfcs, "", (), environment.read(program.env)), system=tmp_path)
        added = f"ANTHROPIC_BASE_URL={program.env['ANTHROPIC_BASE_URL']}"
        assert file.read_text() == f"{kept}\n{added}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.fixture
def local(program: Program) -> Iterator[VendorServer]:
    """A model server of one's own, the only model there is."""
    server = VendorServer()
    server.script = [Reply(chat_completion(None, ("finish", '{"summary": "Fine."}')))]
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        del program.env[name]
    with serving(server):
        program.env |= {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{server.url}/v1"}
        program.env["OPENAI_MODEL"] = "qwen3:4b"
        yield server


def test_init_writes_the_model_of_ones_own_server_and_what_it_writes_works(
    box: Sandbox, program: Program, local: VendorServer, rfcs: str
) -> None:
    done = init(program, "--database", rfcs, "--prompt", "")
    assert done.code == 0, done.err
    assert "model      openai:qwen3:4b: ok" in done.out
    config = yaml.safe_load((program.folder / "config.yaml").read_text())
    assert config["models"] == ["openai:qwen3:4b"]
    assert config["limits"]["seconds_per_review"] == 1800
    checked = program.run("check")
    assert (checked.code, "OPENAI_MODEL" in checked.out) == (0, False)
    page = box.world.page(rfcs, "Queues", [blocks.paragraph("We use queues.")]).id
    box.clock.advance(HOUR)
    assert program.run("review", page).code == 0
    assert {sent.body["model"] for sent in local.sent} == {"qwen3:4b"}


def test_the_key_of_the_second_provider_is_asked_for_and_its_model_is_tried(
    program: Program, local: VendorServer, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask(question: str, **_: Any) -> str:
        asked.append(question)
        return ANTHROPIC_KEY

    monkeypatch.setattr("daemon.cli.commands.click.prompt", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    program.env["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
    done = init(program, "--database", rfcs, "--prompt", "")
    assert done.code == 0, done.err
    [question] = asked
    assert question.startswith("ANTHROPIC_API_KEY (")
    config = yaml.safe_load((program.folder / "config.yaml").read_text())
    assert config["models"] == ["anthropic:claude-sonnet-5-5", "openai:qwen3:4b"]
    [tried, to_do] = [line for line in done.out.splitlines() if "claude" in line]
    assert to_do.startswith("to do ")
    assert "no connection" in tried
