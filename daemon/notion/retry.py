"""Which failed request to Notion is sent again, when, and what its failure means."""

from __future__ import annotations

import json
from typing import Any

import httpx
from notion_client.errors import HTTPResponseError, RequestTimeoutError

from daemon.errors import (
    Forbidden,
    Invalid,
    Missing,
    ReviewError,
    TokenRefused,
    Unavailable,
    Unclear,
)


ATTEMPTS = 5
# An operator who stops the service, or a page that waits, should not wait longer than this.
PATIENCE_SECONDS = 300.0

# The request never reached the server, so even a write may be sent again.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_TRANSIENT = (500, 502, 503, 504)
_SLOW_DOWN = (429, 529)


def retry_after(error: Exception) -> float | None:
    """Return the seconds that the server asked to wait, or None."""
    if not isinstance(error, HTTPResponseError):
        return None
    value = error.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None


def wait_before_retry(error: Exception, *, repeatable: bool) -> bool | float:
    """Decide on a retry: False, True for the usual back-off, or the seconds to wait.

    Args:
        error: What notion-client, httpx or the JSON parser raised.
        repeatable: Whether doing the request twice is the same as doing it once.
    """
    if isinstance(error, _NEVER_SENT):
        return True
    if not isinstance(error, HTTPResponseError):
        return repeatable and _is_transient(error)
    if error.status in _SLOW_DOWN:
        return _asked_to_wait(error)
    if error.status == httpx.codes.CONFLICT:
        return True  # "Conflict occurred while saving. Please try again.": nothing was saved
    return repeatable and _is_transient(error)


def _asked_to_wait(error: HTTPResponseError) -> bool | float:
    reason = (error.additional_data or {}).get("rate_limit_reason")
    if reason == "public_api_request_blocked":
        return False  # https://developers.notion.com/reference/request-limits
    wait = retry_after(error)
    if wait is None:
        return True
    return False if wait > PATIENCE_SECONDS else max(wait, 0.1)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, HTTPResponseError):
        return error.status in _TRANSIENT or _is_from_the_edge(error)
    return isinstance(error, RequestTimeoutError | httpx.TransportError | json.JSONDecodeError)


def _is_from_the_edge(error: HTTPResponseError) -> bool:
    """Tell a proxy's page of HTML from Notion's own refusal, which is always JSON."""
    return error.body.lstrip()[:1] == "<"


def failure(error: Exception, what: str, *, repeatable: bool) -> ReviewError:
    """Translate the last error of a request into the reaction it asks for."""
    if isinstance(error, HTTPResponseError) and not _is_transient(error):
        return _refusal(error, what)
    if repeatable or isinstance(error, _NEVER_SENT):
        return Unavailable(f"Notion cannot be reached ({what}): {_said(error)}; try again later")
    return Unclear(f"{what}: the answer was lost ({_said(error)}); it may have been saved")


def _refusal(error: HTTPResponseError, what: str) -> ReviewError:
    said = f"{what}: {_said(error)}"
    match error.status:
        case 401:
            return TokenRefused(
                f"NOTION_TOKEN: Notion refuses the token ({_said(error)}); "
                "copy the current one from the connection's settings"
            )
        case 403:
            return Forbidden(said)
        case 404:
            return Missing(said)
        case 409 | 429 | 529:
            return Unavailable(said)
        case _:
            return Invalid(said)


def _said(error: Exception) -> str:
    if isinstance(error, HTTPResponseError):
        return f"{error.status} {_first_line(error)}".strip()
    if isinstance(error, json.JSONDecodeError):
        return "the answer is not JSON"
    return _first_line(error) or type(error).__name__


def _first_line(error: Any) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
