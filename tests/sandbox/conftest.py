"""A sandbox with a clock that stands still, and one way to ask it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from daemon.sandbox import Sandbox


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
def old(box):
    return Api(box, version="2025-09-03")


@pytest.fixture
def world(box):
    return box.world


@pytest.fixture
def rfcs(world):
    return world.database("RFCs")
