"""Values -> pages: what every page works with, the templates, how all that is shown is written.

Of what people and models wrote nothing can be more than text in the HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from daemon.config import Config
from daemon.console.access import Door
from daemon.domain.notation import counted
from daemon.notion import from_markdown
from daemon.operations import explain
from daemon.store.reviews import ReviewedLine


if TYPE_CHECKING:
    from jinja2 import Environment
    from markdown_it import MarkdownIt


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
    "adopted": "✓",
    "withdrawn": "↶",
    "kept": "◇",
    "refuted": "○",
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
        "times": times,
        "number": number,
        "money": money,
        "cents": cents,
        "seconds": seconds,
        "counted": counted,
        "comment": comment,
        "web": web,
        "prompt_name": prompt_name,
        "plain": title,
        "columns": columns,
        "shape": lambda name: SHAPES.get(name, "○"),
    }
    return made


def stamp(time: datetime | str | None) -> str:
    """Write a time to the minute, UTC."""
    if time is None:
        return ""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


_ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ")


def times(text: str) -> str:
    """Write the times in a text as `stamp` does."""
    return _ISO.sub(r"\1 \2", text)


_BLANKS = re.compile(r"(?<=\S) {2,}|^ {9,}")


def columns(line: str) -> Markup:
    """Return a line of a table with its blanks marked: a narrow window has no room for them."""
    shown, end = Markup(), 0
    for found in _BLANKS.finditer(line):
        kind = "between" if found.start() else ""
        shown += line[end : found.start()]
        shown += Markup('<span class="{}">{}</span>').format(kind, found[0])
        end = found.end()
    return shown + line[end:]


def number(value: float) -> str:
    """Write a whole number in groups of three."""
    return f"{value:,.0f}"


def money(value: float) -> str:
    """Write US dollars; what costs less than ten cents to the hundredth of a cent."""
    return f"${value:,.4f}" if 0 < value < 0.1 else f"${value:,.2f}"  # noqa: PLR2004 - said above


def cents(value: float) -> str:
    """Write US dollars to the cent."""
    return f"${value:,.2f}"


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


def prompt_name(version: str, names: Mapping[str, str]) -> str:
    """Return what a version of a prompt is called, by the names of those that are kept."""
    return names.get(version) or (
        f"a prompt that is not kept ({version})" if version else "no prompt"
    )


# What a page here does as the command of that name.
_HERE = {
    "resume": "the button Resume",
    "retry": "the button Retry",
    "drafts show": "the page Drafts",
}


def remedy(act: str, subject: str) -> str:
    """Return how one does something about a page or a draft: a button, else the command."""
    return _HERE.get(act) or explain.command(act, subject)


_DIGITS = 18  # of a number that SQLite takes


def row_number(text: str) -> int | None:
    """Return the number of a row that an address names; None for what can be none."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


_SAFE = re.compile(r"https?://", re.IGNORECASE)
_REL = Markup('rel="noopener noreferrer nofollow" target="_blank"')
_CELL = re.compile(r"(?<!\\)\|")
_HEADINGS = {f"heading_{level}": f"h{level + 1}" for level in range(1, 5)}
_MARK = re.compile(r"(?:[-+*>]|#{1,4}|\[[ x]\])(?: |$)")
_ANNOTATIONS = {"bold": "strong", "italic": "em", "strikethrough": "s", "code": "code"}


def comment(markdown: str) -> Markup:
    """Show a comment as Notion will show it: what is posted is what is shown."""
    html = Markup()
    for item in from_markdown.rich_text(markdown):
        shown = escape(item["text"]["content"])
        for name in item.get("annotations", {}):
            shown = Markup("<{0}>{1}</{0}>").format(_ANNOTATIONS[name], shown)
        if link := item["text"].get("link"):
            shown = Markup('<a href="{}" {}>{}</a>').format(link["url"], _REL, shown)
        html += shown
    return html


def web(url: str) -> str:
    """Return an address that may be linked, "" for any other."""
    return url if _SAFE.match(url) else ""


def title(text: str) -> str:
    """Return a title as it was typed, or words in its place."""
    return text.strip() or "(no title)"


def line(one: ReviewedLine) -> Markup:
    """Show a block's line without its mark; its kind is said by the element around it."""
    if one.type == "code":
        return Markup(_parser().render(one.text))  # noqa: S704 - the parser escapes all HTML
    if one.type == "table_row":
        cells = [cell.strip().replace("<br>", "\n") for cell in _CELL.split(one.text)[1:-1]]
        cell = Markup('<span class="cell">{}</span>')
        return Markup().join(cell.format(_inline(words)) for words in cells)
    if one.type == "numbered_list_item":
        return _inline(one.text.partition(" ")[2])
    if one.type == "quote":
        return _inline(re.sub(r"^> ?", "", one.text, flags=re.MULTILINE))
    has_mark = one.type in _HEADINGS or lead(one)
    return _inline(_MARK.sub("", one.text, count=1) if has_mark else one.text)


def element(kind: str) -> str:
    """Return the element that a block of this type is shown as."""
    return _HEADINGS.get(kind, "div")


def lead(one: ReviewedLine) -> str:
    """Return the sign that stands before a block's text."""
    match one.type:
        case "bulleted_list_item":
            return "•"
        case "toggle":
            return "▸"
        case "to_do":
            return "☑" if one.text.startswith("[x]") else "☐"
        case "numbered_list_item":
            return one.text.partition(" ")[0]
    return ""


def _inline(markdown: str) -> Markup:
    return Markup(_parser().renderInline(markdown))  # noqa: S704 - the parser escapes all HTML


@cache
def _parser() -> MarkdownIt:
    """Return a parser that shows no picture and links to web addresses alone."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable("strikethrough").disable("image")

    def link_open(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
        if not _SAFE.match(str(tokens[at].attrGet("href") or "")):
            tokens[at].attrs.pop("href", None)
        tokens[at].attrSet("rel", "noopener noreferrer nofollow")
        tokens[at].attrSet("target", "_blank")
        return str(renderer.renderToken(tokens, at, options, env))

    parser.add_render_rule("link_open", link_open)
    return parser
