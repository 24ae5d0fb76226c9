"""Who may see the console: one browser that opened the printed address, and no other site's page.

Whatever listens on this machine's loopback can be reached by every user of it, and by every page
that a browser on it shows. So: a token that works once, a session in a strict cookie, the Host
that was printed (against rebinding of names), an Origin of our own, and headers under which
nothing foreign runs or is fetched.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.loopback import HOST


ENTER = "/enter"
# Style and script hold nothing of the state, and the page for those who stay outside uses them.
OPEN = "/assets/"
FORM_BYTES = 100_000
FIELD = "form_token"
_READING = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-src {frames}; frame-ancestors {frames}"
)


class RequestRefused(Exception):
    """A request that is not answered; `status` is HTTP's, the text is for a person."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass
class Door:
    """What lets a browser in, for as long as the process lives.

    Attributes:
        port: Where the console listens.
        framed: Whether its own pages may show it in a frame.
        home: Where the printed address leads to.
        token: What the printed address holds; None once it was used.
        sessions: The session of each browser, with the token of its forms.
    """

    port: int
    framed: bool = False
    home: str = "/"
    token: str | None = field(default_factory=token_urlsafe)
    sessions: dict[str, str] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which it may be asked."""
        return f"{HOST}:{self.port}", f"localhost:{self.port}"

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies do not tell ports apart."""
        return f"notion-review-{self.port}"

    def address(self) -> str:
        """Return the address that opens the console once."""
        return f"http://{self.hosts[0]}{ENTER}?{urlencode({'token': self.token})}"

    def enter(self, token: str) -> str:
        """Take the token and return a new session.

        Raises:
            RequestRefused: It is another one, or was used.
        """
        if self.token is None:
            raise RequestRefused(403, "This address was used already; it works once. " + _AGAIN)
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise RequestRefused(
                403, "This address is not the one that was printed last. " + _AGAIN
            )
        self.token = None
        session = token_urlsafe()
        self.sessions[session] = token_urlsafe()
        return session

    def form_token(self, headers: Headers) -> str | None:
        """Return the form token of the session that a request belongs to, None without one."""
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return None
        given = cookie.value if cookie else ""
        found = None
        for session, token in self.sessions.items():
            if hmac.compare_digest(session.encode(), given.encode()):
                found = token
        return found


_AGAIN = "End notion-review console with Ctrl-C and start it again; it prints a new address."


class Access:
    """Lets a request through to the console, or refuses it; every answer gets the headers."""

    def __init__(
        self, app: ASGIApp, door: Door, refuse: Callable[[RequestRefused], ASGIApp]
    ) -> None:
        self._app = app
        self._door = door
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        policy = _POLICY.format(frames="'self'" if self._door.framed else "'none'")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            app = self._let_in(scope)
        except RequestRefused as refused:
            app = self._refuse(refused)
        await app(scope, receive, guarded)

    def _let_in(self, scope: Scope) -> ASGIApp:
        request = Request(scope)
        _refuse_foreign(request, self._door.hosts)
        path = request.url.path
        if path == ENTER:
            # What only looks ahead, or asks for the head, must not use the token up.
            ahead = {*request.headers.getlist("sec-purpose"), *request.headers.getlist("purpose")}
            if request.method != "GET" or any("prefetch" in one for one in ahead):
                raise RequestRefused(405, "Open the address in a browser.")
            session = self._door.enter(request.query_params.get("token", ""))
            response = RedirectResponse(self._door.home, 303)
            response.set_cookie(self._door.cookie, session, httponly=True, samesite="strict")
            return response
        scope["form_token"] = self._door.form_token(request.headers)
        if scope["form_token"] is None and not path.startswith(OPEN):
            raise RequestRefused(401, "This browser has not opened the console. " + _LINK)
        return self._app


_LINK = "Open the address that notion-review console printed."


def _refuse_foreign(request: Request, hosts: Iterable[str]) -> None:
    asked = request.headers.getlist("host")
    if len(asked) != 1 or asked[0] not in hosts:
        raise RequestRefused(421, "The console answers under the address that it printed alone.")
    origins = request.headers.getlist("origin")
    own = f"http://{asked[0]}"
    if any(origin != own for origin in origins):
        raise RequestRefused(403, "A page of another site asked; that is refused.")
    if request.method not in _READING and not origins:
        raise RequestRefused(403, "A form without an Origin is refused.")
    site = request.headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and request.url.path != ENTER:
        raise RequestRefused(403, "A page of another site asked; that is refused.")


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form that one of our own pages sent.

    Raises:
        RequestRefused: It is no form, too long, or does not carry its session's token.
    """
    if request.headers.get("content-type", "").split(";")[0] != "application/x-www-form-urlencoded":
        raise RequestRefused(415, "This is no form.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            raise RequestRefused(413, "The form is too long.")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    given = fields.pop(FIELD, [""])[0]
    if not hmac.compare_digest(given.encode(), request.scope["form_token"].encode()):
        raise RequestRefused(403, "The form is not of this session; load the page again.")
    return {name: values[-1].replace("\r\n", "\n") for name, values in fields.items()}
