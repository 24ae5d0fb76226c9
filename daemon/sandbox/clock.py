"""The sandbox's own time, and the forms in which Notion writes a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class Clock:
    """A clock that can be set and advanced; runs with its source until it is set.

    Args:
        source: Gives the time, aware. Default: the machine's clock.
    """

    def __init__(self, source: Callable[[], datetime] | None = None) -> None:
        self._source = source or (lambda: datetime.now(UTC))
        self._shift = timedelta()
        self._stopped: datetime | None = None

    def __call__(self) -> datetime:
        """Tell the time in UTC."""
        return self._stopped or self._source().astimezone(UTC) + self._shift

    def set(self, time: datetime) -> None:
        """Stand still at `time` until set, advanced or run again."""
        self._stopped = time.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move on by `by`; a clock that stands still stands still afterwards."""
        if self._stopped is None:
            self._shift += by
        else:
            self._stopped += by

    def run(self) -> None:
        """Run on with the source from the time shown now."""
        self._shift = self() - self._source().astimezone(UTC)
        self._stopped = None


def floored(time: datetime) -> datetime:
    """Cut `time` to its minute, as Notion does on pages, blocks, comments and data sources.

    https://developers.notion.com/changelog/last-edited-time-is-now-rounded-to-the-nearest-minute
    """
    return time.replace(second=0, microsecond=0)


def minute(time: datetime) -> str:
    """Write a time as pages, blocks, comments and data sources carry it."""
    return floored(time).strftime("%Y-%m-%dT%H:%M:00.000Z")


def exact(time: datetime) -> str:
    """Write a time with milliseconds and Z, as on the expiry of a signed address."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def database_time(time: datetime) -> str:
    """Write a time as databases carry it: milliseconds and an offset, never floored."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def http_date(time: datetime) -> str:
    """Write a time as a Date header."""
    return format_datetime(time.astimezone(UTC), usegmt=True)


def parse(text: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC.

    Raises:
        ValueError: The text is no ISO 8601 time.
    """
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
