"""Where events go: plain JSON lines by default, a live line and short sentences on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

from daemon.context import Tell


# Facts that hold text of documents: for debugging only.
_DOCUMENT_TEXT = frozenset({"text"})
_DETAILS = frozenset({"page.reading", "page.reading_threads", "page.reviewing", "page.unchanged"})
_WARNINGS = frozenset(
    {"comment.dropped", "comment.unclear", "prompt.page_not_read", "watch.gone", "alert.over"}
)
_ERRORS = frozenset({"page.failed", "sweep.trouble", "alert.raised"})
REDACTED = "[secret]"


def configure(secrets: Iterable[str], *, verbose: bool) -> Tell:
    """Set logging up for the process and return where events go."""
    hidden = tuple(secret for secret in secrets if secret)
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(message)s",
        force=True,
    )
    for noisy in ("httpx", "httpx2", "httpcore", "notion_client", "apscheduler", "stamina"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            _without_document_text,
            lambda _, __, event: _redacted(event, hidden),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    return _log


def _log(event: str, /, **facts: Any) -> None:
    logger = structlog.get_logger()
    if event in _ERRORS:
        logger.error(event, **facts)
    elif event in _WARNINGS:
        logger.warning(event, **facts)
    elif event in _DETAILS:
        logger.debug(event, **facts)
    else:
        logger.info(event, **facts)


def _without_document_text(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key not in _DOCUMENT_TEXT}


def _redacted(value: Any, hidden: tuple[str, ...]) -> Any:
    """Replace every secret, wherever it stands in an event."""
    match value:
        case str():
            for secret in hidden:
                value = value.replace(secret, REDACTED)
            return value
        case dict():
            return {key: _redacted(one, hidden) for key, one in value.items()}
        case list() | tuple():
            return [_redacted(one, hidden) for one in value]
        case _:
            return value
