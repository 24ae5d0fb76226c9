"""Where events go: the journal, a terminal, or plain JSON lines.

Events have dotted names; their facts are fields. `sweep.done` is the one line of a sweep,
`page.reviewed`, `page.unchanged` or `page.failed` the one of a page.
"""

from __future__ import annotations

import json
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

from daemon.sweep.context import Tell
from daemon.domain.secrets import Redact, redactor
from daemon.cli.streams import Form, form


__all__ = ["bound", "configure"]

Event = MutableMapping[str, Any]

# Facts that hold what a document or a comment says: for debugging only.
_DOCUMENT_TEXT = frozenset({"text"})
_TEXT_OF_OUR_OWN = frozenset({"alert.raised", "alert.over"})
_LEVELS = {
    "page.reading": "debug",
    "page.reading_threads": "debug",
    "page.reviewing": "debug",
    "page.answering": "debug",
    "request.retried": "debug",
    "comment.dropped": "warning",
    "comment.unclear": "warning",
    "prompt.page_not_read": "warning",
    "watch.gone": "warning",
    "alert.not_told": "warning",
    "ping.failed": "warning",
    "health.not_written": "warning",
    "sweep.skipped": "warning",
    "page.failed": "error",
    "watch.failed": "error",
    "sweep.trouble": "error",
    "sweep.crashed": "error",
    "alert.raised": "error",
    "config.refused": "error",
    "service.degraded": "error",
    "service.stuck": "critical",
    "service.failed": "critical",
}
# https://www.freedesktop.org/software/systemd/man/sd-daemon.html: the syslog priorities
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
# journald splits a line over LineMax=48K in two (journald.conf): neither half is JSON.
LONGEST_LINE = 48_000
LONGEST_TEXT = 2_000
LONGEST_LIST = 50
FRAMES = 20
_QUIET = ("httpx", "httpx2", "httpcore", "notion_client", "apscheduler", "stamina", "asyncio")


def configure(secrets: Iterable[str], *, verbose: bool, as_form: Form | None = None) -> Tell:
    """Set logging up for the process and return where events go."""
    kind = as_form or form(sys.stderr, os.environ)
    chain = _chain(redactor(secrets), kind)
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
    level = _LEVELS.get(event, "info")
    getattr(structlog.get_logger(), level)(event, **facts)


def _chain(redact: Redact, kind: Form) -> list[Any]:
    one_line = ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=FRAMES))
    on_console = kind is Form.CONSOLE
    return [
        structlog.contextvars.merge_contextvars,
        add_log_level,
        # The journal keeps its own time, a person's terminal needs no date.
        *([] if kind is Form.JOURNAL else [_stamper(kind)]),
        structlog.processors.format_exc_info if on_console else one_line,
        _without_document_text,
        lambda _, __, event: _plain(event, redact),
    ]


def _stamper(kind: Form) -> TimeStamper:
    if kind is Form.CONSOLE:
        return TimeStamper("%H:%M:%S", utc=False)
    return TimeStamper("iso")


def _renderer(kind: Form) -> Any:
    if kind is Form.CONSOLE:
        from structlog.dev import ConsoleRenderer, plain_traceback

        return ConsoleRenderer(exception_formatter=plain_traceback)
    return lambda _, __, event: _line(event, kind)


def _route_libraries(chain: list[Any], kind: Form, *, verbose: bool) -> None:
    """Send what libraries log through the same chain."""
    handler = _ToStderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_named_after_its_library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_as_of_library if one is add_log_level else one for one in chain),
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


def _as_of_library(_: Any, __: str, event: Event) -> Event:
    return event


def _without_document_text(_: Any, level: str, event: Event) -> Event:
    if level == "debug" or event["event"] in _TEXT_OF_OUR_OWN:
        return event
    return {key: value for key, value in event.items() if key not in _DOCUMENT_TEXT}


def _plain(value: Any, redact: Redact) -> Any:
    """Reduce a value to what JSON knows, without secrets and without walls of text."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {redact(str(key)): _plain(one, redact) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one, redact) for one in list(value)[:LONGEST_LIST]]
        case _:
            return _clipped(redact(str(value)))


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _line(event: Event, kind: Form) -> str:
    name = {"event": event["event"], "level": event["level"]}
    line = json.dumps({**name, **event}, ensure_ascii=False)
    if len(line.encode(errors="replace")) > LONGEST_LINE:
        line = json.dumps({**name, "cut": True, "starts": line[:LONGEST_TEXT]}, ensure_ascii=False)
    return f"<{_PRIORITIES[event['level']]}>{line}" if kind is Form.JOURNAL else line
