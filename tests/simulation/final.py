"""What stands at the end of a history, read by a clean reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from daemon.domain.change import content_hash
from daemon.notion import properties, reading
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox
from simulation.company import Company
from simulation.history import Ended
from simulation.record import Record


@dataclass(frozen=True)
class Final:
    """A history that has ended, and what its pages say at the end, read by a clean reader."""

    ended: Ended
    hashes: dict[str, str]
    empty: set[str]

    @property
    def record(self) -> Record:
        return self.ended.record

    @property
    def state(self) -> Database:
        return self.ended.state

    def rows(self, sql: str, *arguments: object) -> list[tuple]:
        return self.state.execute(sql, arguments).fetchall()


async def with_final_reading(ended: Ended) -> Final:
    """Read every page that can be read."""
    notion = Gateway(
        ended.box.token,
        base_url="http://sandbox",
        transport=ended.box.transport(),
        requests_per_minute=600,
    )
    ended.box.window.per_minute = None
    ended.box.world.quirks.page_size = 100
    hashes, empty = {}, set()
    source_id = ended.company.database.source_id
    names = ended.settings.config.databases[0].properties
    for page_id in there(ended.box, ended.company):
        page = properties.read_page(await notion.page(page_id), source_id, names)
        found = await reading.blocks(notion, page_id)
        hashes[page_id] = content_hash(page, found)
        if not any(block.line for block in found):
            empty.add(page_id)
    return Final(ended, hashes, empty)


def there(box: Sandbox, company: Company) -> Iterator[str]:
    """Give the pages that the database lists now and of which nothing is refused for ever.

    Not those in the trash, those that are hidden, and those that were moved away.
    """
    state = box.world.state
    for page in company.pages:
        if page in refused(box) or company.is_away(page):
            continue
        if not state.in_trash(page) and state.is_shared(page, box.bot):
            yield page


def refused(box: Sandbox) -> set[str]:
    """Give the pages of which Notion refuses something for ever."""
    return {page for page, _ in box.world.state.refusals}


def is_selected(ended: Ended, page: str) -> bool:
    """Tell whether `where` selects a page."""
    wanted = ended.settings.config.databases[0].where.get("Status")
    return not wanted or ended.box.world.state.pages[page].values["Status"] in wanted.words
