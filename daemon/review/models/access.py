"""What it takes to reach the models: keys, addresses, prices, windows; and what goes there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from daemon.domain.providers import Provider
from daemon.domain.secrets import Place
from daemon.review.models.answers import Lesson


if TYPE_CHECKING:
    from httpx2 import Request, Response


# Names that no public server has: RFC 6761, RFC 6762, RFC 8375, and ICANN's `.internal`.
HOME_DOMAINS = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".test")


class Price(Protocol):
    """US dollars for a million tokens; without `cached`, cached input costs as `input`."""

    @property
    def input(self) -> float:
        """Tokens that are read anew."""

    @property
    def output(self) -> float:
        """Tokens that are written, thoughts included."""

    @property
    def cached(self) -> float | None:
        """Tokens that are read from the provider's cache."""


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """How to reach the models of a config.

    Attributes:
        keys: The key of each provider, by its name.
        urls: The base URLs that replace a provider's own.
        prices: By model name, such as `openai:my-model`.
        windows: Context windows in tokens, by model name.
        places: Where this installation reads keys and addresses, by their variables.
        proxies: The proxy on the way to each provider, in words; "" for none.
        traces: Whether a span of each request is sent to where OpenTelemetry's variables say.
    """

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    urls: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    windows: Mapping[str, int] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    traces: bool = False

    def key(self, provider: Provider) -> str:
        """Return the key of `provider`, or "" where none is known."""
        return self.keys.get(provider.name, "")

    def place(self, variable: str) -> Place:
        """Return where this installation reads a variable."""
        return self.places.get(variable) or Place(variable)

    def url(self, provider: Provider) -> str:
        """Return the base URL at which `provider`'s API is spoken."""
        return self.urls.get(provider.name) or provider.url

    def is_own_server(self, provider: Provider) -> bool:
        """Tell whether another server than the provider's own speaks its API."""
        return urlsplit(self.url(provider)).hostname != urlsplit(provider.url).hostname

    def is_at_home(self, provider: Provider) -> bool:
        """Tell whether a server in one's own network speaks the provider's API: it bills nothing.

        A server elsewhere may be a reseller's, so the price must be known.
        """
        host = urlsplit(self.url(provider)).hostname or ""
        try:
            address = ip_address(host)
        except ValueError:
            return "." not in host or host.endswith(HOME_DOMAINS)
        return not address.is_global


# The headers of an answer that decide what becomes of it. Those of a request are never kept: they
# hold keys.
KEPT_HEADERS = ("content-type", "retry-after", "retry-after-ms", "x-should-retry")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went out, and what came back.

    Attributes:
        line: Method and path, such as `POST /v1/messages`.
        request: The body.
        lessons: What the server was known not to take.
        status: 0 where no answer came.
        headers: Those of the answer that decide what becomes of it.
        answer: The body as it was received.
        failure: The class of what came instead of an answer, and its words; "" for none.
        seconds: How long it took.
    """

    line: str
    request: bytes
    lessons: tuple[Lesson, ...] = ()
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    answer: bytes = b""
    failure: tuple[str, str] = ("", "")
    seconds: float = 0.0


Send = Callable[[], Awaitable["Response"]]


class Tape:
    """What stands between the reviewer and the network while one review is held.

    Attributes:
        order: The models in the order in which they were to be asked.
        urls: The base URLs that replace a provider's own.
        windows: The context windows that were known before a model was asked, in tokens.
    """

    def __init__(self) -> None:
        self.order: tuple[str, ...] = ()
        self.urls: Mapping[str, str] = {}
        self.windows: dict[str, int] = {}

    def begin(self, lessons: list[Lesson]) -> None:
        """Take notice of what the server is known not to take, before a request is made up."""

    async def exchange(self, request: Request, send: Send) -> Response:
        """Return the answer to a request."""
        raise NotImplementedError

    def aside(self) -> Tape | None:
        """Return what stands before a tiny request of our own, which is no part of the review."""
        return None


TAPE: ContextVar[Tape | None] = ContextVar("tape", default=None)


@contextmanager
def taped(tape: Tape | None) -> Iterator[None]:
    """Let the requests of this task go through a tape; None: straight to the network."""
    token = TAPE.set(tape)
    try:
        yield
    finally:
        TAPE.reset(token)


class Recorder(Tape):
    """Sends the requests of one review, and keeps what went out and what came back."""

    def __init__(self) -> None:
        super().__init__()
        self.exchanges: list[Exchange] = []
        self._lessons: tuple[Lesson, ...] = ()

    def begin(self, lessons: Sequence[Lesson]) -> None:
        """Note what the server is known not to take: other reviews teach it meanwhile."""
        self._lessons = tuple(lessons)

    async def exchange(self, request: Request, send: Send) -> Response:
        """Send a request and keep it, whatever comes of it."""
        began = monotonic()

        def keep(**told: Any) -> None:
            seconds = round(monotonic() - began, 3)
            one = Exchange(_line(request), request.content, self._lessons, seconds=seconds, **told)
            self.exchanges.append(one)

        try:
            response = await send()
            await response.aread()
        except BaseException as error:
            keep(failure=(type(error).__name__, str(error)))
            raise
        held = response.headers
        headers = tuple((name, held[name]) for name in KEPT_HEADERS if name in held)
        keep(status=response.status_code, headers=headers, answer=response.content)
        return response


class Player(Tape):
    """Answers the requests of a review with what was recorded, and compares them.

    Attributes:
        exchanges: What was recorded.
        played: How many requests were answered.
        strange: The line and the body of the first request that is not as it was; None for none.
    """

    def __init__(self, exchanges: Sequence[Exchange] = ()) -> None:
        super().__init__()
        self.exchanges = exchanges
        self.played = 0
        self.strange: tuple[str, bytes] | None = None

    @property
    def is_over(self) -> bool:
        """Whether every request that was recorded was made."""
        return self.played == len(self.exchanges)

    def begin(self, lessons: list[Lesson]) -> None:
        """Know of the server what was known then."""
        if not self.is_over:
            lessons[:] = self.exchanges[self.played].lessons

    def aside(self) -> Tape:
        """Return a tape on which nobody answers: whatever comes of it, the next model is asked."""
        return Player()

    async def exchange(self, request: Request, send: Send) -> Response:  # noqa: ARG002
        """Answer a request as it was answered then, after the same time."""
        from httpx2 import ConnectError, Response

        line = _line(request)
        if self.strange or not self._fits(line, request.content):
            raise ConnectError("the recording has no such request")
        one = self.exchanges[self.played]
        self.played += 1
        if one.failure[0] == asyncio.CancelledError.__name__:
            await asyncio.get_running_loop().create_future()  # until the time of the review is over
        await asyncio.sleep(one.seconds)
        if one.failure[0]:
            raise _failure(*one.failure)
        answer = Response(one.status, headers=one.headers, content=one.answer, request=request)
        answer.elapsed = timedelta(seconds=one.seconds)
        return answer

    def _fits(self, line: str, body: bytes) -> bool:
        """Compare the next request; a list of models that was not asked for then is none."""
        then = None if self.is_over else self.exchanges[self.played]
        if then and (line, body) == (then.line, then.request):
            return True
        if not line.startswith("GET ") or (then and then.line.startswith("GET ")):
            self.strange = line, body
        return False


def _line(request: Request) -> str:
    return f"{request.method} {request.url.raw_path.decode()}"


def _failure(name: str, words: str) -> Exception:
    import httpx2

    kind = getattr(httpx2, name, None)
    if isinstance(kind, type) and issubclass(kind, httpx2.TransportError):
        return kind(words)
    return httpx2.ConnectError(words)
