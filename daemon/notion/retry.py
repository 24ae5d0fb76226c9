"""When a request to Notion is sent: the rate, another try, and what a failure means.

The table, after https://developers.notion.com/reference/status-codes and /request-limits:

    failure                                  read, query, edit        new comment
    429, 529                                 after Retry-After        after Retry-After
    409; the connection was never made       again                    again
    5xx, a proxy's page, timeout, dropped,   again                    Unclear
      cut off, not the shape that was asked,
      a refusal that asks for another try
    any other refusal of Notion's            its error                its error

"Again" means up to `ATTEMPTS` times with jitter, never later than `PATIENCE_SECONDS` after the
first failure.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
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
    why_not_connected,
)
from daemon.domain.secrets import Place


TOKEN = Place("NOTION_TOKEN")  # where it is set unless the installation says otherwise
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
# Seen with status 400: "Public API object rendering exceeded the response time budget. Retry with
# exponential backoff; if the issue persists, reduce the size of the request."
_ANOTHER_TRY = re.compile(r"(?<!not )\b(?:retry|try (?:it )?again)\b", re.IGNORECASE)
_TOO_LARGE = re.compile(r"response time budget|reduce the (?:page_?)?size", re.IGNORECASE)
# A view of another database, https://github.com/ultimate-notion/ultimate-notion/issues/110
_LINKED = re.compile(r"\blinked database", re.IGNORECASE)
# Seen with status 400: "You don't have permission to comment on this page."
_NO_PERMISSION = re.compile(r"\bpermissions?\b", re.IGNORECASE)
# A validation error repeats what was wrong; the rest of a longer one is the request itself.
_LONGEST_MESSAGE = 1_000


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
    may_go_again = _was_not_done(error) or (repeatable and _is_transient(error))
    if left <= 0 or is_blocked(error) or not may_go_again:
        return False
    wait = retry_after(error)
    if wait is None:
        return True
    return wait <= left and max(wait, 0.1)


def _was_not_done(error: Exception) -> bool:
    """Tell whether the request had no effect for sure."""
    if isinstance(error, HTTPResponseError):
        # 409: "Conflict occurred while saving. Please try again.": nothing was saved.
        return error.status in (*_SLOW_DOWN, httpx.codes.CONFLICT)
    # notion-client turns every timeout into one of its own and leaves httpx's in the context.
    return isinstance(error, _NEVER_SENT) or isinstance(error.__context__, _NEVER_SENT)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, HTTPResponseError):
        said = _refusal_in(error)
        asked = _ANOTHER_TRY.search(str(said.get("message")))
        return error.status >= _SERVER_ERROR or not said or asked is not None
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
    if not isinstance(error, HTTPResponseError):
        return False
    slow = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)
    too_large = _TOO_LARGE.search(str(_refusal_in(error).get("message")))
    return error.status in slow or too_large is not None


def failure(
    error: Exception, what: str, *, repeatable: bool, proxy: str = "", token: Place = TOKEN
) -> ReviewError:
    """Translate the last error of a request into the reaction it asks for.

    `proxy` is the one on the way, in words; `token` is where the token is set.
    """
    said = why_not_connected(error, proxy) or _said(error)
    if is_blocked(error):
        return Unavailable(f"Notion blocks this connection ({said}); ask its support")
    not_done = _was_not_done(error)
    if not not_done and not _is_transient(error):
        return _refusal(error, what, token)
    if not not_done and not repeatable:
        return Unclear(f"{what}: the answer was lost ({said}); it may have been saved")
    if isinstance(error, Incomplete):
        return Incomplete(f"{what}: {said}; asked again next time")
    return Unavailable(f"Notion cannot be reached ({what}): {said}; try again later")


def _refusal(error: Exception, what: str, token: Place) -> ReviewError:
    said = _said(error)
    match getattr(error, "status", None):
        case 401:
            return TokenRefused(
                f"{token.name}: Notion refuses the token ({said}); "
                f"copy the current one from the connection's settings{token.then}"
            )
        case 403:
            return Forbidden(f"{what}: {said}")
        case 404:
            return Missing(f"{what}: {said}")
        case 400 if _NO_PERMISSION.search(said):
            return Forbidden(f"{what}: {said}")
        case 400 if _LINKED.search(said):
            return Invalid(f"{what}: {said}; open the original database in Notion, copy its link")
        case _:
            return Invalid(f"{what}: {said}")


def _said(error: Exception) -> str:
    if isinstance(error, HTTPResponseError):
        words = _refusal_in(error).get("message") or "an answer that is not Notion's"
        return f"{error.status} {_on_one_line(words)}".strip()
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "the answer is not JSON"
    return _on_one_line(error) or type(error).__name__


def _on_one_line(words: Any) -> str:
    """Write all lines of a message as one; of a very long one its beginning and its end."""
    said = " ".join(str(words).split())
    if len(said) <= _LONGEST_MESSAGE:
        return said
    half = _LONGEST_MESSAGE // 2
    return f"{said[:half]} … {said[-half:]}"


# Notion counts in fixed windows of 60 s whose start we do not know. At most N requests in any
# 60 s also means at most N in each of its windows; a leaky bucket would let a full burst and a
# minute's refill fall into one window. https://developers.notion.com/reference/request-limits
WINDOW_SECONDS = 60.0
# A request is counted when it arrives, not when it is sent.
MARGIN_SECONDS = 1.0


class Limiter:
    """Lets at most `per_minute` requests start in any minute, in the order in which they came.

    Args:
        per_minute: How many.
        patience: The longest pause, in seconds, that a request waits for.
    """

    def __init__(self, per_minute: int, patience: float) -> None:
        self._starts: deque[float] = deque(maxlen=per_minute)
        self._patience = patience
        self._resume_at = 0.0
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more request may start, and count it.

        Raises:
            Unavailable: The server asked for a pause that is longer than our patience.
        """
        async with self._turn:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - `pause` may lengthen the wait
                await asyncio.sleep(wait)
            self._starts.append(_now())

    def pause(self, seconds: float) -> None:
        """Hold every request back: the server asked for it."""
        self._resume_at = max(self._resume_at, _now() + seconds)

    def _wait(self) -> float:
        pause = self._resume_at - _now()
        if pause > self._patience:
            raise Unavailable(f"Notion asks for {pause:.0f} seconds without requests; try later")
        if len(self._starts) < (self._starts.maxlen or 0):
            return pause
        return max(pause, self._starts[0] + WINDOW_SECONDS + MARGIN_SECONDS - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
