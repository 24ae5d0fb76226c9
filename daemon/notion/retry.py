"""Which failed request to Notion is sent again, when, and what its failure means.

The table, after https://developers.notion.com/reference/status-codes and /request-limits:

    failure                                  read, query, edit        new comment
    429, 529                                 after Retry-After        after Retry-After
    409; the connection was never made       again                    again
    5xx, a proxy's page, timeout, dropped,   again                    Unclear
      cut off, not the shape that was asked
    any other refusal of Notion's            its error                its error

"Again" means up to `ATTEMPTS` times with jitter, never later than `PATIENCE_SECONDS` after the
first failure.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
from notion_client.errors import (
    HTTPResponseError,
    InvalidPathParameterError,
    NotionClientErrorBase,
)

from daemon.domain.errors import (
    Forbidden,
    Incomplete,
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
# An answer that ends inside a character is no Unicode before it is no JSON.
FAILURES = (
    NotionClientErrorBase,
    httpx.HTTPError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    Incomplete,
)

# The request never reached the server, so even a write may be sent again.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SLOW_DOWN = (429, 529)
_SERVER_ERROR = 500
# Notion's support must lift it: https://developers.notion.com/reference/request-limits
_BLOCKED = "public_api_request_blocked"


def retry_after(error: Exception) -> float | None:
    """Return the seconds that the server asked to wait, or None; Notion writes whole seconds."""
    if not isinstance(error, HTTPResponseError):
        return None
    value = error.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() else None


def wait_before_retry(
    error: Exception, *, repeatable: bool, left: float = PATIENCE_SECONDS
) -> bool | float:
    """Decide on a retry: False, True for the usual back-off, or the seconds to wait.

    Args:
        error: What notion-client, httpx, the JSON parser or the check of the answer raised.
        repeatable: Whether doing the request twice is the same as doing it once.
        left: What is left of our patience, in seconds.
    """
    if left <= 0 or is_blocked(error) or not _may_go_again(error, repeatable=repeatable):
        return False
    wait = retry_after(error)
    if wait is None:
        return True
    return wait <= left and max(wait, 0.1)


def _may_go_again(error: Exception, *, repeatable: bool) -> bool:
    if _was_not_done(error):
        return True
    return repeatable and _is_transient(error)


def _was_not_done(error: Exception) -> bool:
    """Tell whether the request had no effect for sure."""
    if isinstance(error, HTTPResponseError):
        # 409: "Conflict occurred while saving. Please try again.": nothing was saved.
        return error.status in (*_SLOW_DOWN, httpx.codes.CONFLICT)
    # notion-client turns every timeout into one of its own and leaves httpx's in the context.
    return isinstance(error, _NEVER_SENT) or isinstance(error.__context__, _NEVER_SENT)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, HTTPResponseError):
        return error.status >= _SERVER_ERROR or not _refusal_in(error)
    return isinstance(error, FAILURES) and not isinstance(error, InvalidPathParameterError)


def _refusal_in(error: HTTPResponseError) -> dict[str, Any]:
    """Return the body of Notion's own refusal; empty where a proxy answered for it.

    notion-client parses only the codes that it knows; `service_overload` is none of them.
    """
    try:
        body = json.loads(error.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) and body.get("object") == "error" else {}


def is_blocked(error: Exception) -> bool:
    """Tell whether Notion will refuse every request until its support is asked."""
    if not isinstance(error, HTTPResponseError):
        return False
    more = _refusal_in(error).get("additional_data")
    return isinstance(more, dict) and more.get("rate_limit_reason") == _BLOCKED


def is_too_slow(error: BaseException | None) -> bool:
    """Tell whether the server took too long, which asking for less may mend."""
    slow = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)
    return isinstance(error, HTTPResponseError) and error.status in slow


def failure(error: Exception, what: str, *, repeatable: bool) -> ReviewError:
    """Translate the last error of a request into the reaction it asks for."""
    said = _said(error)
    if is_blocked(error):
        return Unavailable(f"Notion blocks this connection ({said}); ask its support")
    not_done = _was_not_done(error)
    if not not_done and not _is_transient(error):
        return _refusal(error, what)
    if not not_done and not repeatable:
        return Unclear(f"{what}: the answer was lost ({said}); it may have been saved")
    if isinstance(error, Incomplete):
        return Incomplete(f"{what}: {said}; asked again next time")
    return Unavailable(f"Notion cannot be reached ({what}): {said}; try again later")


def _refusal(error: Exception, what: str) -> ReviewError:
    said = _said(error)
    match getattr(error, "status", None):
        case 401:
            return TokenRefused(
                f"NOTION_TOKEN: Notion refuses the token ({said}); "
                "copy the current one from the connection's settings"
            )
        case 403:
            return Forbidden(f"{what}: {said}")
        case 404:
            return Missing(f"{what}: {said}")
        case _:
            return Invalid(f"{what}: {said}")


def _said(error: Exception) -> str:
    if isinstance(error, HTTPResponseError):
        words = _refusal_in(error).get("message") or "an answer that is not Notion's"
        return f"{error.status} {_first_line(words)}".strip()
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "the answer is not JSON"
    return _first_line(error) or type(error).__name__


def _first_line(words: Any) -> str:
    return str(words).strip().split("\n", 1)[0][:200]
