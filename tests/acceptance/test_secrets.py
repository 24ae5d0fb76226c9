"""Row A1: whatever goes wrong, no output and no file holds a secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import ANTHROPIC_KEY, NOW, OPENAI_KEY, Program, ScriptedModel
from support.vendor_server import Reply


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"type": "error", "error": {"type": "x", "message": f"bad {ANTHROPIC_KEY}"}}, 401),
        Reply({"type": "error", "error": {"type": "x", "message": f"bad {ANTHROPIC_KEY}"}}, 400),
        Reply(f"<html>{ANTHROPIC_KEY}</html>", 503),
        Reply("not json", 200),
    ],
    ids=["refused", "invalid", "html", "garbage"],
)
def test_a1_no_failure_of_a_model_shows_a_secret(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, reply: Reply
) -> None:
    program.env["OPENAI_API_KEY"] = OPENAI_KEY
    box.world.page(rfcs, "Page", [blocks.paragraph("Text.")], at=NOW - HOUR)
    model.think = lambda _document, _turn: reply
    runs = [program.run("--verbose", "--once"), program.run("status"), program.run("check")]
    written = "".join(done.out + done.err for done in runs)
    written += "".join(
        path.read_bytes().decode("latin-1") for path in program.folder.rglob("*") if path.is_file()
    )
    for secret in (ANTHROPIC_KEY, OPENAI_KEY, box.token):
        assert secret not in written


def test_a1_a_secret_in_the_config_is_refused_without_being_shown(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.config["notion_token"] = box.token
    program.config["databases"][0]["api_key"] = ANTHROPIC_KEY
    done = program.run("--once")
    assert done.code == 78
    assert "environment" in done.err
    for secret in (ANTHROPIC_KEY, box.token):
        assert secret not in done.out + done.err
