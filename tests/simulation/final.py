"""What stands at the end of a history, read by a clean reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from company import Company
from history import Ended
from record import Record
from sqlite_utils import Database

from daemon.notion import reading, canonical as text
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox


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
        page = text.page(await notion.page(page_id), source_id, names)
        found = await reading.blocks(notion, page_id)
        hashes[page_id] = text.content_hash(page, found)
        if not any(block.line for block in found):
            empty.add(page_id)
    return Final(ended, hashes, empty)


def there(box: Sandbox, company: Company) -> Iterator[str]:
    """Give the pages that are neither in the trash nor hidden."""
    for page in company.pages:
        if not box.world.state.in_trash(page) and box.world.state.is_shared(page, box.bot):
            yield page


def is_selected(ended: Ended, page: str) -> bool:
    """Tell whether `where` selects a page."""
    wanted = ended.settings.config.databases[0].where.get("Status")
    return not wanted or ended.box.world.state.pages[page].values["Status"] in wanted
