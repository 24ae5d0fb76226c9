"""Log lines: their form, their level, and what never stands in them."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli import logs
from daemon.cli.logs import LONGEST_LINE
from daemon.cli.options import Form, form
from daemon.domain.secrets import HIDDEN, redactor
from support.kept_logs import kept_logs


SECRET = "planted/+secret=value"
SHAPED = (
    "ntn_0123456789abcdefghij",
    "secret_0123456789abcdefghijklmn",
    "sk-ant-api03-abcdefgh12345678",
    "sk-proj-abcdefgh12345678",
    "xoxb-0123456789-abcdefg",
    "Bearer abcdef0123456789",
)


@pytest.fixture
def said(monkeypatch):
    """Give a function that makes a teller, and what was written so far."""
    stream = io.StringIO()
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def emitter(kind=Form.JSON, *, verbose=False, secrets=(SECRET,)):
        monkeypatch.setattr(sys, "stderr", stream)  # pytest changes it between setup and test
        return logs.configure(secrets, verbose=verbose, as_form=kind)

    with kept_logs():
        yield emitter, stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_facts_level_and_time(said):
    emitter, stream = said
    emitter()("sweep.done", outcome="ok", pages_seen=3)
    [line] = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "sweep.done", "level": "info", "outcome": "ok", "pages_seen": 3}


@pytest.mark.parametrize(
    ("event", "priority"),
    [
        ("page.reading", 7),
        ("sweep.done", 6),
        ("comment.dropped", 4),
        ("page.failed", 3),
        ("service.stuck", 2),
    ],
)
def test_under_the_journal_a_line_begins_with_its_priority_and_has_no_time(said, event, priority):
    emitter, stream = said
    emitter(Form.JOURNAL, verbose=True)(event, page="x")
    line = stream.getvalue()
    assert line.startswith(f"<{priority}>{{")
    assert "timestamp" not in json.loads(line[3:])


def test_details_are_told_only_where_asked_for(said):
    emitter, stream = said
    emitter()("page.reading", title="Queues")
    assert stream.getvalue() == ""
    emitter(verbose=True)("page.reading", title="Queues")
    assert lines(stream)[0]["event"] == "page.reading"


def test_text_of_documents_stands_in_no_line_above_debug(said):
    emitter, stream = said
    emit = emitter(verbose=True)
    emit("comment.posted", kind="finding", text="We need queues.")
    emit("page.reviewing", text="We need queues.")
    posted, reviewing = lines(stream)
    assert "text" not in posted
    assert reviewing["text"] == "We need queues."


def test_the_words_of_an_alert_are_told(said):
    emitter, stream = said
    emitter()("alert.raised", alert="models", text="no model could review")
    assert lines(stream)[0]["text"] == "no model could review"


def test_an_exception_is_one_line_without_the_values_of_variables(said):
    emitter, stream = said
    emit = emitter()

    def fail():
        document = "what the document says"
        raise ValueError(f"broken after {len(document)}")

    try:
        fail()
    except ValueError as error:
        emit("page.failed", page="p", exc_info=error)
    [line] = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["frames"][-1]["name"] == "fail"
    assert "what the document says" not in stream.getvalue()


def test_a_failure_without_an_exception_has_no_field_for_it(said):
    emitter, stream = said
    emitter()("page.failed", page="p", exc_info=None)
    assert not {"exception", "exc_info"} & lines(stream)[0].keys()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9_000),
        lambda inner: st.lists(inner, max_size=60) | st.dictionaries(st.text(), inner),
        max_leaves=80,
    )
)
def test_no_line_is_longer_than_the_journal_takes_and_each_is_json(fact):
    event = {"event": "a.b", "level": "info", "fact": fact}
    line = logs.line(logs.plain(event, redactor()), Form.JOURNAL)
    assert len(line.encode(errors="replace")) <= LONGEST_LINE + 3
    assert "\n" not in line
    assert json.loads(line[3:])["event"] == "a.b"


def test_a_line_that_would_be_cut_in_two_is_cut_short_and_says_so(said):
    emitter, stream = said
    emitter()("a.b", **{f"fact{number}": "ü" * 2_000 for number in range(40)})
    [line] = lines(stream)
    assert line["cut"] is True
    assert len(stream.getvalue().encode()) < LONGEST_LINE


def test_a_secret_is_hidden_by_its_value_wherever_it_stands(said):
    emitter, stream = said
    emit = emitter()
    emit("a.b", plain=SECRET, inside=f"x{SECRET}y", deep={SECRET: [{"k": (SECRET,)}]})
    emit("a.c", thing=ValueError(SECRET), exc_info=RuntimeError(f"with {SECRET}"))
    logging.getLogger("some.library").error("refused %s", SECRET)
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(HIDDEN) == 7


@pytest.mark.parametrize("secret", SHAPED)
def test_a_secret_is_hidden_by_its_shape_though_nobody_named_it(said, secret):
    emitter, stream = said
    emitter(secrets=())("a.b", words=f"refused ({secret}).")
    assert secret not in stream.getvalue()
    assert lines(stream)[0]["words"] == f"refused ({HIDDEN})."


def test_a_password_in_an_address_is_hidden_and_the_address_stays():
    assert redactor()("https://me:hunter2@host/x") == f"https://{HIDDEN}@host/x"


def test_a_short_key_for_a_server_of_ones_own_leaves_the_words_alone():
    assert redactor(["none"])("none of them") == "none of them"


def test_of_two_secrets_the_longer_is_hidden_whole():
    assert redactor(["abcdefgh", "abcdefghij"])("abcdefghij") == HIDDEN


def test_sweep_and_page_stand_in_every_line_said_within_them(said):
    emitter, stream = said
    emit = emitter()
    with logs.bound(sweep=7), logs.bound(page="p"):
        emit("page.reviewed")
        logging.getLogger("some.library").warning("slow")
    emit("sweep.done")
    inside, library, after = lines(stream)
    assert (inside["sweep"], inside["page"]) == (7, "p")
    assert (library["sweep"], library["page"]) == (7, "p")
    assert not {"sweep", "page"} & after.keys()


def test_libraries_speak_in_our_form_and_quietly(said):
    emitter, stream = said
    emitter(Form.JOURNAL)
    logging.getLogger("httpx").info("HTTP Request: POST https://…")
    logging.getLogger("apscheduler.scheduler").warning("skipped")
    logging.getLogger("some.library").info("fine")
    assert stream.getvalue() == ""
    logging.getLogger("some.library").error("broken: %s", "x")
    assert json.loads(stream.getvalue()[3:]) == {
        "event": "library.said",
        "level": "error",
        "library": "some.library",
        "words": "broken: x",
    }
    assert stream.getvalue().startswith("<3>")


def test_a_warning_of_python_is_one_line_too(said):
    emitter, stream = said
    emitter()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("going away", DeprecationWarning, stacklevel=1)
    [line] = lines(stream)
    assert line["library"] == "py.warnings"
    assert "going away" in line["words"]


def test_on_a_terminal_lines_are_for_people(said):
    emitter, stream = said
    emitter(Form.CONSOLE)("sweep.done", outcome="ok")
    assert "sweep.done" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


class Stream(io.StringIO):
    def __init__(self, number, *, tty=False):
        super().__init__()
        self._number, self._tty = number, tty

    def fileno(self):
        return self._number

    def isatty(self):
        return self._tty


def test_the_form_follows_the_stream(tmp_path):
    with (tmp_path / "log").open("w") as file:
        about = os.fstat(file.fileno())
        own = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
        assert form(Stream(file.fileno()), own) is Form.JOURNAL
        assert form(Stream(file.fileno()), {"JOURNAL_STREAM": "1:2"}) is Form.JSON
        assert form(Stream(file.fileno()), {}) is Form.JSON
        assert form(Stream(file.fileno(), tty=True), own) is Form.CONSOLE
    assert form(io.StringIO(), own) is Form.JSON


def test_without_a_terminal_neither_rich_nor_an_sdk_nor_a_rule_is_loaded():
    """Rules and models' libraries take half a second and sixty megabytes."""
    code = (
        "from types import SimpleNamespace\n"
        "from daemon.cli.options import Options\n"
        "Options().log(SimpleNamespace(secrets=SimpleNamespace(values=())))\n"
        "from daemon.service import runner, service\n"
        "from daemon.sweep import sweep\n"
        "import sys\n"
        "heavy = {'rich', 'anthropic', 'openai', 'pydantic_ai', 'starlette', 'uvicorn',\n"
        "  'genai_prices', 'daemon.review.offline.counts'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
