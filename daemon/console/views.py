"""Values -> pages: what every page works with, the templates, how numbers and times are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from daemon.console import markup
from daemon.domain.times import counted


if TYPE_CHECKING:
    from jinja2 import Environment


from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.config import Config
from daemon.console.access import Door


# Shapes besides words and colours: a state is told by each of them alone.
SHAPES: Mapping[str, str] = {
    "ok": "●",
    "partial": "◐",
    "failed": "✕",
    "running": "◌",
    "cut short": "◌",
    "open": "●",
    "answered": "◐",
    "dismissed": "⊘",
    "resolved": "✓",
    "addressed": "✓",
    "withdrawn": "↶",
    "kept": "◇",
    "stale": "○",
    "retracted": "↶",
    "held": "◇",
    "refused": "✕",
    "due": "◔",
    "settling": "◔",
    "given up": "✕",
    "paused": "‖",
    "reviewed": "●",
    "expired": "○",
    "posted": "●",
    "approved": "●",
}


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page."""
    about = {
        "form_token": request.scope.get("form_token") or "",
        "path": request.url.path,
    }
    return HTMLResponse(environment().get_template(template).render(about | values), status)


@cache
def environment() -> Environment:
    """Return the templates' environment; everything in them is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("daemon.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "stamp": stamp,
        "number": number,
        "money": money,
        "seconds": seconds,
        "counted": counted,
        "comment": markup.comment,
        "web": markup.web,
        "plain": markup.title,
        "shape": lambda name: SHAPES.get(name, "○"),
    }
    return made


def stamp(time: datetime | str | None) -> str:
    """Write a time to the minute, UTC."""
    if time is None:
        return ""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def number(value: float) -> str:
    """Write a whole number in groups of three."""
    return f"{value:,.0f}"


def money(value: float) -> str:
    """Write US dollars; what costs less than ten cents to the hundredth of a cent."""
    return f"${value:,.4f}" if 0 < value < 0.1 else f"${value:,.2f}"  # noqa: PLR2004 - said above


def seconds(value: float) -> str:
    """Write a duration in the largest unit that tells it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.0f} {unit}"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"  # noqa: PLR2004 - two digits tell


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """What every page works with.

    Attributes:
        config: config.yaml.
        door: Who may come in.
        report: Told of a bug.
        deliver: Posts what waits of a page, where nobody else is at work; raises what Notion does.
    """

    config: Config
    door: Door
    report: Callable[[Exception], None]
    deliver: Callable[[str], None]

    @property
    def state(self) -> Path:
        """The SQLite file."""
        return self.config.state


_DIGITS = 18  # of a number that SQLite takes


def row_number(text: str) -> int | None:
    """Return the number of a row that an address names; None for what can be none."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
