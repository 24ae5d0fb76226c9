"""What was asked of the sandbox, and the window that limits it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.sandbox.refusal import Refusal


WINDOW_SECONDS = 60
RATE_REASON = "public_api_request_rate_limit"


@dataclass(slots=True)
class Entry:
    """One request, as of its arrival.

    `template` is the path with names for ids; `status` stays 0 where no answer was given.
    """

    time: datetime
    method: str
    path: str
    template: str
    token: str
    status: int = 0


@dataclass(slots=True)
class Requests:
    """The log of requests, oldest first; the last 100,000 are kept, counts are never cut."""

    log: deque[Entry] = field(default_factory=lambda: deque(maxlen=100_000))
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Note a request."""
        self.log.append(entry)
        self.counts[entry.method, entry.template] += 1

    def count(self, method: str | None = None, template: str | None = None) -> int:
        """Count requests by method and path template, such as ("POST", "/v1/comments")."""
        return sum(
            number
            for (asked, where), number in self.counts.items()
            if method in (None, asked) and template in (None, where)
        )

    def busiest(self, seconds: float = WINDOW_SECONDS) -> int:
        """Count the requests of the fullest span of that length, wherever it begins."""
        span, most = timedelta(seconds=seconds), 0
        inside: deque[datetime] = deque()
        for entry in self.log:
            inside.append(entry.time)
            while inside[0] <= entry.time - span:
                inside.popleft()
            most = max(most, len(inside))
        return most

    def reset(self) -> None:
        """Forget what was asked."""
        self.log.clear()
        self.counts.clear()


@dataclass(slots=True)
class Window:
    """Notion's limit: so many requests for a token in each fixed window of 60 seconds.

    https://developers.notion.com/reference/request-limits

    Attributes:
        now: The sandbox's clock.
        per_minute: The limit; None for none. Notion: 180, on larger plans 600.
        spent: Requests by token in the window that began at the time kept beside.
    """

    now: Callable[[], datetime]
    per_minute: int | None = None
    spent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def spend(self, token: str) -> None:
        """Count a request of a token.

        Raises:
            Refusal: 429, with the seconds until the next window.
        """
        if self.per_minute is None:
            return
        time = int(self.now().timestamp())
        window = time // WINDOW_SECONDS
        began, used = self.spent.get(token, (window, 0))
        used = used if began == window else 0
        if used >= self.per_minute:
            raise rate_limited(WINDOW_SECONDS - time % WINDOW_SECONDS)
        self.spent[token] = (window, used + 1)


def rate_limited(wait: int, reason: str = RATE_REASON) -> Refusal:
    """Refuse until `wait` seconds have passed."""
    return Refusal(
        429,
        "rate_limited",
        "You have been rate limited. Please try again in a few minutes.",
        {"rate_limit_reason": reason, "retry_after": str(wait)},
        wait,
    )
