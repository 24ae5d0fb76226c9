"""The tools as the model sees them, and the reading of their arguments."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from daemon.domain.values import Severity, Verdict
from daemon.review.tool_specs import (
    SPECS,
    ToolRefusal,
    parse_severity,
    parse_verdict,
    specs_for,
    text_arguments,
)


def test_every_schema_is_strict_and_names_the_tools_in_a_fixed_order() -> None:
    assert [spec.name for spec in specs_for(3)] == [
        "comment",
        "reply",
        "leave",
        "follow_up",
        "take_back",
        "finish",
    ]
    for spec in (*SPECS, *specs_for(3)):
        Draft202012Validator.check_schema(spec.parameters)
        assert spec.parameters["required"] == list(spec.parameters["properties"])
        assert spec.parameters["additionalProperties"] is False


def test_finish_takes_a_checklist_only_when_there_is_one() -> None:
    assert specs_for(0) == SPECS
    assert "checklist" not in SPECS[-1].parameters["properties"]
    assert "checklist" in specs_for(2)[-1].parameters["properties"]
    assert specs_for(2)[:-1] == SPECS[:-1]


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("blocking", Severity.BLOCKING),
        (" Critical. ", Severity.BLOCKING),
        ("MAJOR", Severity.IMPORTANT),
        ("important", Severity.IMPORTANT),
        ("nit", Severity.MINOR),
    ],
)
def test_a_severity_may_be_said_in_other_words(word: str, severity: Severity) -> None:
    assert parse_severity(word) is severity


@pytest.mark.parametrize("word", ["", "urgent", "not blocking"])
def test_an_unknown_severity_is_refused(word: str) -> None:
    with pytest.raises(ToolRefusal, match="blocking, important or minor"):
        parse_severity(word)


def test_a_handle_may_be_a_number_and_optional_texts_may_be_missing() -> None:
    assert text_arguments("comment", ["block"], {"block": 3}) == {"block": "3"}
    assert text_arguments("finish", ["summary", "question"], {}) == {"summary": "", "question": ""}
    assert text_arguments("leave", ["reason"], {"reason": None}) == {"reason": ""}
    assert text_arguments("comment", ["title"], {}) == {"title": ""}
    assert text_arguments("follow_up", ["text", "quote"], {}) == {"text": "", "quote": ""}


@pytest.mark.parametrize(
    ("arguments", "key"),
    [({}, "text"), ({"text": 3}, "text"), ({"block": True}, "block"), ({"summary": []}, "summary")],
)
def test_an_argument_that_is_no_text_is_refused(arguments: dict[str, object], key: str) -> None:
    with pytest.raises(ToolRefusal, match=f"{key} is missing or no text"):
        text_arguments("comment", [key], arguments)


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("fixed", Verdict.FIXED),
        ("Not yet.", Verdict.NOT_YET),
        ("not-yet", Verdict.NOT_YET),
        (" WITHDRAWN ", Verdict.WITHDRAWN),
        ("addressed", Verdict.FIXED),
    ],
)
def test_a_verdict_is_read_however_it_is_written(word: str, verdict: Verdict) -> None:
    assert parse_verdict(word) is verdict


def test_a_word_that_is_no_verdict_is_refused_with_those_that_are() -> None:
    with pytest.raises(ToolRefusal, match="verdict is fixed, not_yet, withdrawn or turned_down"):
        parse_verdict("maybe")
