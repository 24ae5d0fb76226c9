"""Where events go: the journal, a terminal, or plain JSON lines.

Events have dotted names; their facts are fields. `sweep.done` is the one line of a sweep,
`page.reviewed`, `page.unchanged` or `page.failed` the one of a page.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks
from structlog.contextvars import bound_contextvars as bound
from structlog.processors import ExceptionRenderer, TimeStamper, add_log_level
from structlog.tracebacks import ExceptionDictTransformer

from daemon.cli.options import Form, form, hush, json_text
from daemon.domain.events import LEVELS, Emit
from daemon.domain.secrets import Redact, redactor


__all__ = ["bound", "configure"]

Event = MutableMapping[str, Any]

# Facts that hold what a document or a comment says.
_DOCUMENT_TEXT = frozenset({"text"})
_TEXT_OF_OUR_OWN = frozenset({"alert.raised", "alert.over"})
# https://www.freedesktop.org/software/systemd/man/sd-daemon.html: the syslog priorities
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
# journald splits a line over LineMax=48K in two (journald.conf): neither half is JSON.
LONGEST_LINE = 48_000
LONGEST_TEXT = 2_000
LONGEST_LIST = 50
FRAMES = 20
_QUIET = ("httpx", "httpx2", "httpcore", "notion_client", "apscheduler", "stamina", "asyncio")


def configure(secrets: Iterable[str], *, verbose: bool, as_form: Form | None = None) -> Emit:
    """Set logging up for the process and return where events go."""
    kind = as_form or form(sys.stderr, os.environ)
    redact, on_console = redactor(secrets), kind is Form.CONSOLE

    def cleaned(_: Any, level: str, event: Event) -> Event:
        """Reduce an event to what may be logged; a document's text is for debugging only."""
        with_text = level == "debug" or event["event"] in _TEXT_OF_OUR_OWN
        return {
            redact(key): plain(value, redact)
            for key, value in event.items()
            if with_text or key not in _DOCUMENT_TEXT
        }

    one_line = ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=FRAMES))
    # The journal keeps its own time, a person's terminal needs no date.
    stamper = TimeStamper("%H:%M:%S", utc=False) if on_console else TimeStamper("iso")
    chain: list[Any] = [
        structlog.contextvars.merge_contextvars,
        add_log_level,
        *([] if kind is Form.JOURNAL else [stamper]),
        structlog.processors.format_exc_info if on_console else one_line,
        cleaned,
    ]
    structlog.configure(
        processors=[*chain, _renderer(kind)],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_libraries(chain, kind, verbose=verbose)
    set_on_retry_hooks([_retried])
    return _log


def _retried(details: RetryDetails) -> None:
    """Tell of a request that is sent again: it is no trouble before the last attempt failed."""
    wait = round(details.wait_for, 2)
    _log("request.retried", attempt=details.retry_num, wait=wait, cause=repr(details.caused_by))


def _log(event: str, /, **facts: Any) -> None:
    """Write an event; where nobody reads the log any more, the work goes on all the same."""
    level = LEVELS.get(event, "info")
    try:
        getattr(structlog.get_logger(), level)(event, **facts)
    except BrokenPipeError:
        hush(sys.stderr)


def _renderer(kind: Form) -> Any:
    if kind is Form.CONSOLE:
        from structlog.dev import ConsoleRenderer, plain_traceback

        return ConsoleRenderer(exception_formatter=plain_traceback)
    return lambda _, __, event: line(event, kind)


def _route_libraries(chain: list[Any], kind: Form, *, verbose: bool) -> None:
    """Send what libraries log through the same chain."""
    handler = _ToStderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_named_after_its_library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(one for one in chain if one is not add_log_level),
                _renderer(kind),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Never DEBUG: there, the SDKs log whole prompts.
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if verbose else logging.ERROR)
    logging.captureWarnings(capture=True)


class _ToStderr(logging.Handler):
    """Writes to whatever standard error is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler: a log line must not end the program
            self.handleError(record)


def _named_after_its_library(_: Any, __: str, event: Event) -> Event:
    record = event["_record"]
    said = {"event": "library.said", "library": record.name, "words": event["event"]}
    return {**event, **said, "level": record.levelname.lower()}


def plain(value: Any, redact: Redact) -> Any:
    """Reduce a value to what JSON knows, without secrets and without walls of text."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {redact(str(key)): plain(one, redact) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(one, redact) for one in list(value)[:LONGEST_LIST]]
        case _:
            text = redact(str(value))
            return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def line(event: Event, kind: Form) -> str:
    """Write an event as a line of JSON; of one that is too long, its beginning."""
    name = {"event": event["event"], "level": event["level"]}
    words = json_text({**name, **event}, sys.stderr)
    if len(words.encode(errors="replace")) > LONGEST_LINE:
        starts = {**name, "cut": True, "starts": words[:LONGEST_TEXT]}
        words = json_text(starts, sys.stderr)
    return f"<{_PRIORITIES[event['level']]}>{words}" if kind is Form.JOURNAL else words
