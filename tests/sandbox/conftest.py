"""A sandbox with a clock that stands still, and one way to ask it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from daemon.sandbox import Sandbox, blocks, rich


NOON = datetime(2026, 11, 20, 12, 0, 42, 250_000, tzinfo=UTC)


class Api:
    """Asks a sandbox in process; every answer is checked for what all answers carry."""

    def __init__(self, box, token=None, version="2026-03-11"):
        self.box = box
        self.headers = {"Authorization": f"Bearer {token or box.token}", "Notion-Version": version}

    def ask(self, method, path, body=None, *, headers=None, **params):
        async def go():
            async with self.client() as client:
                given = self.headers if headers is None else headers
                return await client.request(
                    method, f"/v1/{path}", json=body, params=params, headers=given
                )

        return asyncio.run(go())

    def client(self):
        return httpx.AsyncClient(transport=self.box.transport(), base_url="http://sandbox")

    def get(self, path, **params):
        return self._good(self.ask("GET", path, **params))

    def post(self, path, body=None):
        return self._good(self.ask("POST", path, body or {}))

    def patch(self, path, body):
        return self._good(self.ask("PATCH", path, body))

    def delete(self, path):
        return self._good(self.ask("DELETE", path))

    def refused(self, method, path, body=None, **params):
        """Ask for what must be refused; gives (status, code, message)."""
        answer = self.ask(method, path, body, **params)
        told = answer.json()
        assert told["object"] == "error"
        assert told["status"] == answer.status_code
        assert told["request_id"]
        return told["status"], told["code"], told["message"]

    @staticmethod
    def _good(answer):
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told.pop("request_id") == answer.headers["x-notion-request-id"]
        return told

    def texts(self, block_id):
        """List the plain text of the comments on a page or block."""
        rows = self.get("comments", block_id=block_id)["results"]
        return [plain(row["rich_text"]) for row in rows]


def plain(items):
    return "".join(item["plain_text"] for item in items)


@pytest.fixture
def box():
    made = Sandbox()
    made.clock.set(NOON)
    return made


@pytest.fixture(scope="session")
def api_of():
    """Ask any sandbox: `api_of(box, token, version)`."""
    return Api


@pytest.fixture
def api(box):
    return Api(box)


@pytest.fixture
def as_bot(box):
    """Ask as another bot with these capabilities."""
    return lambda **capabilities: Api(box, box.add_bot("Other", **capabilities))


@pytest.fixture
def world(box):
    return box.world


@pytest.fixture
def rfcs(world):
    return world.database("RFCs")


@pytest.fixture(scope="session")
def every_block():
    """Build a block of every type but pages, databases and synced copies."""
    return [
        *(blocks.heading(level, f"Heading {level}") for level in (1, 2, 3, 4)),
        blocks.heading(2, "A toggle heading", blocks.paragraph("inside")),
        blocks.paragraph("Text with **bold**, *italic*, ~~strike~~, `code`, [link](https://a.b)."),
        blocks.paragraph([rich.equation("x^2"), rich.mention_date("2026-11-20")]),
        blocks.bullet("one", blocks.bullet("two")),
        blocks.numbered("first", start=3, form="letters"),
        blocks.to_do("done", checked=True),
        blocks.toggle("more", blocks.paragraph("hidden")),
        blocks.quote("said"),
        blocks.callout("mind", blocks.paragraph("this")),
        blocks.template("again"),
        blocks.code("x = 1", "python", "a caption"),
        blocks.equation("e = mc^2"),
        blocks.image("https://example.com/a.png", "An image"),
        *(blocks.external(kind, "https://example.com/a") for kind in blocks.FILE_TYPES),
        *(blocks.hosted(kind, "a b.bin", "A caption") for kind in blocks.FILE_TYPES),
        blocks.bookmark("https://example.com", "A bookmark"),
        blocks.embed("https://example.com"),
        blocks.link_preview("https://example.com"),
        blocks.table([["a", "**b**"], ["c"]]),
        blocks.columns([blocks.paragraph("left")], [blocks.paragraph("right")]),
        blocks.tabs(One=[blocks.paragraph("first")], Two=[]),
        blocks.meeting_notes("Weekly", summary=[blocks.paragraph("short")]),
        blocks.synced(blocks.paragraph("shared")),
        blocks.link_to_page("00000000-0000-4000-8000-000000000001"),
        blocks.divider(),
        blocks.breadcrumb(),
        blocks.table_of_contents(),
        blocks.unsupported("form"),
    ]
