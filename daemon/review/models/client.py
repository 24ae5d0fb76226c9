"""The HTTP client under the SDKs: sends what the server takes, hands on what it meant.

Imports httpx2, so it is imported only when a model is about to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import httpx2

from daemon.review.models.access import TAPE
from daemon.review.models.answers import Lesson, Meaning, applied, lesson, meaning
from daemon.review.models.hearing import heard


# How many parameters of one request a server may refuse, one after the other.
LESSONS = 6
_TEACHING = (400, 422)
_OF_THE_BODY = ("content-encoding", "content-length", "content-type", "transfer-encoding")


class _Listening(httpx2.AsyncClient):
    """A client that learns what its server does not take, for as long as it lives."""

    lessons: list[Lesson]

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request as the server takes it; return the answer in the documented shape."""
        sent = _json(request.content) if request.method == "POST" else None
        if not isinstance(sent, dict):
            return await self._exchanged(request, options)
        for _ in range(LESSONS):
            if tape := TAPE.get():
                tape.begin(self.lessons)
            known = tuple(self.lessons)
            asked = applied(sent, known)
            response = await self._exchanged(_with_body(request, sent, asked), options)
            await response.aread()
            if not self._learns(response, asked, known):
                break
        return _as_documented(response, asked)

    async def _exchanged(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        """Send one request as it stands, through the tape of its review where there is one."""
        tape, send = TAPE.get(), partial(super().send, request, **options)
        return await (tape.exchange(request, send) if tape else send())

    def _learns(
        self, response: httpx2.Response, asked: dict[str, Any], known: Sequence[Lesson]
    ) -> bool:
        """Note what a refusal teaches; tell whether the request did not know it.

        Another request may have learned it meanwhile.
        """
        words = response.text if response.status_code in _TEACHING else ""
        if not words or meaning(response.status_code, words) is not Meaning.REJECTED:
            return False
        learned = lesson(words, asked)
        if learned is None or learned in known:
            return False
        if learned not in self.lessons:
            self.lessons.append(learned)
        return True


def listening(base: type[httpx2.AsyncClient], lessons: list[Lesson]) -> httpx2.AsyncClient:
    """Return a client like `base`, an SDK's own, that listens; `lessons` gets what it learns."""
    client: _Listening = type("ListeningClient", (_Listening, base), {})()
    client.lessons = lessons
    return client


def _with_body(
    request: httpx2.Request, sent: dict[str, Any], asked: dict[str, Any]
) -> httpx2.Request:
    if asked == sent:
        return request
    headers = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
    return httpx2.Request(
        request.method,
        request.url,
        headers=headers,
        content=json.dumps(asked).encode(),
        extensions=request.extensions,
    )


def _as_documented(response: httpx2.Response, asked: dict[str, Any]) -> httpx2.Response:
    body = _json(response.content) if response.status_code == httpx2.codes.OK else None
    if body is None:
        return response
    status, body = heard(body, asked)
    kept = [pair for pair in response.headers.multi_items() if pair[0] not in _OF_THE_BODY]
    headers = [*kept, ("content-type", "application/json")]
    again = httpx2.Response(
        status,
        headers=headers,
        content=json.dumps(body).encode(),
        request=response.request,
        extensions=response.extensions,
    )
    again.elapsed = response.elapsed
    return again


def _json(raw: bytes) -> Any:
    """Return the JSON in a body; None where it is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return None
