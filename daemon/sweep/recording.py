"""What is recorded of a review: all that it was made of, what went to the models and came back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon.config import Config
from daemon.domain.errors import UnknownItem
from daemon.domain.notation import iso
from daemon.domain.providers import OFFLINE
from daemon.domain.secrets import HIDDEN, SHORTEST
from daemon.domain.values import Review
from daemon.review import prompt
from daemon.review.models.access import Exchange, Recorder
from daemon.review.models.answers import Lesson
from daemon.review.tool_specs import JUDGE, specs_for
from daemon.store import database, outbox, recordings, reviews
from daemon.store.database import get_value, set_value
from daemon.store.recordings import Unreadable, digest
from daemon.sweep.context import Context, ReviewContext, Session


FORMAT = 1
# What of a database's settings and of the config shapes a review.
_OF_DATABASE = {"id", "name", "report", "checks"}
_OF_CONFIG = {"limits", "effort", "answer_tokens", "whole_up_to", "second_look", "deep"}
_FAILED = "recording failed"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that came of a review: its kind, where it goes, and what it says."""

    kind: str
    target: str
    body: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A review as it was recorded.

    Attributes:
        review: Its number.
        at: When it was recorded.
        program: The version of the program that held it.
        today: The date that the model was told.
        config: What of config.yaml shaped it.
        session: What it was about.
        asking: Hashes of the parts that every review is asked with, by their names.
        order: The models in the order in which they were to be asked.
        windows: The context windows that were known before, in tokens.
        urls: The addresses of the providers that are not their own.
        exchanges: The requests and what came of them, in order.
        result: What came of it.
        comments: The comments that were written.
        is_redacted: Whether a key stood in it that was left out.
    """

    review: int
    at: str
    program: str
    today: date
    config: Config
    session: Session
    asking: Mapping[str, str]
    order: tuple[str, ...]
    windows: Mapping[str, int]
    urls: Mapping[str, str]
    exchanges: tuple[Exchange, ...]
    result: Review
    comments: tuple[Comment, ...]
    is_redacted: bool


@cache
def _sessions() -> TypeAdapter[Session]:
    return TypeAdapter(Session)


@cache
def _reviews() -> TypeAdapter[Review]:
    return TypeAdapter(Review)


def review_json(review: Review) -> bytes:
    """Return a review as JSON, the same for equal reviews."""
    return _reviews().dump_json(review)


def asking(session: Session) -> dict[str, str]:
    """Return hashes of what this version of the program asks with."""
    asked = session.prompt
    recalls = session.memory is not None
    offered = specs_for(len(asked.rules.checklist), asked.lenses, reads=True, recalls=recalls)
    tools = [asdict(spec) for spec in offered]
    said = {"instructions": prompt.instructions(), "tools": json.dumps(tools, sort_keys=True)}
    if session.second_look:
        said["second look"] = f"{prompt.resource('second_look.md')}{JUDGE.parameters}"
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in said.items()}


def listening(context: Context) -> ReviewContext:
    """Return what a review is made with now, with a recorder where reviews are recorded."""
    tape = Recorder() if context.recordings and context.config.record else None
    return replace(context.for_review, tape=tape)


def keep(
    context: Context, made_with: ReviewContext, number: int, session: Session, review: Review
) -> None:
    """Record a review that the state holds; where that fails, say so once and go on."""
    tape, row = made_with.tape, reviews.review(context.state, number)
    if context.recordings is None or row is None or not isinstance(tape, Recorder):
        return
    hide, written = _Hiding(context.secrets), outbox.messages_of(context.state, review_id=number)
    try:
        comments = [Comment(one.kind.value, one.target, one.body) for one in written]
        told = {"at": iso(row.at), "today": made_with.today.isoformat()}
        told |= _made_of(made_with.config, session, tape, hide)
        came = json.dumps([asdict(one) for one in comments]).encode()
        told |= {"result": hide.keep(review_json(review)), "comments": hide.keep(came)}
        manifest = hide.hidden(json.dumps(told | {"is_redacted": hide.found}).encode())
        recordings.save(context.recordings, number, row.page_id, manifest, hide.kept, row.at)
    except (OSError, ValueError) as error:  # a full disk, or a text that is no Unicode
        _failed(context, error)
    else:
        if get_value(context.state, _FAILED):
            set_value(context.state, _FAILED, "")


def _failed(context: Context, error: OSError | ValueError) -> None:
    said = error.strerror if isinstance(error, OSError) else None
    why = f"{context.recordings}: {said or error}"
    if get_value(context.state, _FAILED) != why:
        set_value(context.state, _FAILED, why)
        context.emit("recording.failed", why=why)


def _made_of(config: Config, session: Session, tape: Recorder, hide: _Hiding) -> dict[str, Any]:
    """Return what a manifest says of what a review was made of."""
    dumped = _sessions().dump_json(session, exclude={"target": {"settings"}})
    return {
        "format": FORMAT,
        "program": version("notion-review"),
        "config": _shape(config, session, tape.order),
        "asking": asking(session),
        "order": tape.order,
        "windows": tape.windows,
        "urls": dict(tape.urls),
        "session": hide.keep(dumped),
        "exchanges": [
            {
                "line": one.line,
                "status": one.status,
                "headers": one.headers,
                "request": hide.keep(one.request),
                "answer": hide.keep(one.answer),
                "lessons": [asdict(lesson) for lesson in one.lessons],
                "failure": one.failure,
                "seconds": one.seconds,
            }
            for one in tape.exchanges
        ],
    }


class _Hiding:
    """Keeps bodies with `HIDDEN` in the place of the configured keys.

    Attributes:
        kept: The bodies, by their names.
        found: Whether there was a key.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form.encode()
            for secret in secrets
            if len(secret) >= SHORTEST
            # JSON may write it in other ways.
            for form in (secret, json.dumps(secret)[1:-1], secret.replace("/", "\\/"))
        }
        self._forms = sorted(forms, key=len, reverse=True)
        self.kept: dict[str, bytes] = {}
        self.found = False

    def hidden(self, body: bytes) -> bytes:
        """Return a body without keys."""
        for form in self._forms:
            if form in body:
                self.found = True
                body = body.replace(form, HIDDEN.encode())
        return body

    def keep(self, body: bytes) -> str:
        """Keep a body; return its name."""
        hidden = self.hidden(body)
        name = digest(hidden)
        self.kept[name] = hidden
        return name


def _shape(config: Config, session: Session, order: Sequence[str]) -> dict[str, Any]:
    """Return what of the configuration shaped a review, as config.yaml could say it."""
    settings = session.target.settings.model_dump(mode="json", include=_OF_DATABASE)
    prices = {
        name: price.model_dump(exclude_none=True)
        for name, price in config.prices.items()
        if name in (*order, config.second_look)
    }
    given = {name: value for name, value in settings.items() if value is not None}
    shape = config.model_dump(mode="json", include=_OF_CONFIG)
    return shape | {"databases": [given], "prices": prices, "models": list(order) or [OFFLINE]}


def recorded(path: Path, number: int) -> Recording:
    """Return the recording of a review that the state at `path` knows.

    Raises:
        UnknownItem: The state does not know it, or nothing is recorded of it.
        StateDamaged, StateUnwritable: The state cannot be read.
    """
    with database.translated(path):
        state = database.read_state(path)
        row = reviews.review(state, number) if state else None
    if row is None:
        raise UnknownItem(
            f"review {number}: the state has none; notion-review explain PAGE lists those of a page"
        )
    page_id, found = _load(recordings.folder_of(path), number)
    if (page_id, found.at) != (row.page_id, iso(row.at)):
        raise UnknownItem(f"review {number}: what is recorded is another review of that number")
    return found


def _load(folder: Path, number: int) -> tuple[str, Recording]:
    """Return the page and the recording of a review.

    Raises:
        UnknownItem: Nothing is recorded of it, or what there is cannot be read.
    """
    try:
        found = recordings.manifest(folder, number)
        if found is None:
            raise UnknownItem(
                f"review {number}: nothing is recorded of it; `record` in config.yaml says for how "
                "long recordings are kept"
            )
        told = json.loads(found[1])
        if told["format"] != FORMAT:
            raise UnknownItem(
                f"review {number}: it was recorded by version {told['program']}, in a form that "
                "this version does not read"
            )
        return found[0], _loaded(folder, number, told)
    except (Unreadable, ValidationError, ValueError, LookupError, TypeError) as error:
        why = str(error).splitlines()[0]
        raise UnknownItem(f"review {number}: its recording cannot be read ({why})") from error


def _loaded(folder: Path, number: int, told: Mapping[str, Any]) -> Recording:
    config = Config.model_validate(told["config"])
    session = json.loads(recordings.body(folder, told["session"]))
    session["target"]["settings"] = config.databases[0]
    comments = json.loads(recordings.body(folder, told["comments"]))
    return Recording(
        review=number,
        at=told["at"],
        program=told["program"],
        today=date.fromisoformat(told["today"]),
        config=config,
        session=_sessions().validate_python(session),
        asking=told["asking"],
        order=tuple(told["order"]),
        windows=told["windows"],
        urls=told["urls"],
        exchanges=tuple(_exchange_of(folder, one) for one in told["exchanges"]),
        result=_reviews().validate_json(recordings.body(folder, told["result"])),
        comments=tuple(Comment(**one) for one in comments),
        is_redacted=told["is_redacted"],
    )


def _exchange_of(folder: Path, told: Mapping[str, Any]) -> Exchange:
    return Exchange(
        line=told["line"],
        request=recordings.body(folder, told["request"]),
        lessons=tuple(Lesson(**one) for one in told["lessons"]),
        status=told["status"],
        headers=tuple((name, value) for name, value in told["headers"]),
        answer=recordings.body(folder, told["answer"]),
        failure=(told["failure"][0], told["failure"][1]),
        seconds=told["seconds"],
    )


def prune(context: Context) -> None:
    """Delete the recordings that are kept long enough, or that no review names."""
    if context.recordings is None:
        return
    now, kept = context.notion.surely_now, context.config.record
    try:
        recordings.prune(context.state, context.recordings, now, kept)
    except OSError as error:
        _failed(context, error)
