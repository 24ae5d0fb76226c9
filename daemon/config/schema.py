"""The shape of config.yaml: every key, its default and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from daemon.config.limits import (
    Approve,
    Channel,
    Deep,
    Efforts,
    Format,
    Limits,
    Memory,
    Price,
    Replies,
    SecondLooker,
    Section,
    filled,
    word_of,
)
from daemon.config.schedule import Digest, Schedule, one_of
from daemon.config.values import (
    DatabaseId,
    Duration,
    FilePath,
    Flag,
    ModelName,
    OwnAddress,
    PageId,
    Retention,
    Scalar,
    Text,
    Url,
    Where,
    as_file,
    duration_text,
    share,
    shown,
    whole,
)
from daemon.domain.providers import PROVIDERS
from daemon.domain.values import Severity


DEFAULT_MODELS = tuple(provider.default_model for provider in PROVIDERS.values())
EVERY_HOUR = timedelta(hours=1)
_FILE = re.compile(r"file: *(\S.*)")
_IN_FILE = {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"]}
_PAGE_OR_FILE = {"anyOf": [{"type": "string"}, _IN_FILE]}


class Database(Section):
    """One database to review. `prompt` or `file` name its instructions; neither: the built-in."""

    name: Text | None = Field(
        default=None,
        description="name in logs and `status`; default: the database's title",
        examples=["RFCs"],
    )
    id: DatabaseId = Field(description="a database or data source: id or URL of any Notion host")
    prompt: Annotated[PageId, WithJsonSchema(_PAGE_OR_FILE)] | None = Field(
        default=None,
        description="page with the prompt, or a database of them; default: the built-in",
        examples=["https://app.notion.com/p/How-we-review-11111111111111111111111111111111"],
    )
    file: FilePath | None = Field(
        default=None,
        description="instead of `prompt`: a Markdown file with it",
        examples=["prompts/rfc.md"],
    )
    where: Where = Field(
        default={},
        description="only pages with one of these (docs/configuration.md)",
        examples=["{Status: [In review, Ready]}"],
    )
    properties: tuple[Text, ...] = Field(
        default=(),
        description="shown to the reviewer and part of the hash",
        examples=["[Status, Owner]"],
    )
    reviewer: Text | None = Field(
        default=None,
        description="name on the comments; default: the prompt page's title",
        examples=["RFC reviewer"],
    )
    prompt_editors: tuple[Text, ...] = Field(
        default=(),
        description="whose edits and words on it count: names or ids; else all",
        examples=["[Ana Costa]"],
    )
    lenses: Annotated[int, whole(1, 5)] = Field(
        default=1, description="most rows of a prompt database that review one document"
    )
    trial: Annotated[int, whole(0, 20)] = Field(
        default=0, description="documents to try an edited prompt page on, such as 3"
    )
    status_comment: Flag = Field(default=True, description="the comment on the prompt page")
    page_comment: Flag = Field(default=True, description="the summary comment")
    replies: Annotated[Replies, BeforeValidator(word_of(Replies))] = Field(
        default=Replies.ANY,
        description="answers in any, ours (it is in them), mentioned or none",
    )
    report: Annotated[Severity, BeforeValidator(word_of(Severity))] = Field(
        default=Severity.MINOR,
        description="least to post: blocking, important or minor",
    )
    checks: Flag = Field(default=False, description="post what the offline rules find, too")
    approve: Annotated[Approve, BeforeValidator(word_of(Approve))] = Field(
        default=Approve.NONE,
        description="that wait for approval: none, unusual, blocking or all",
    )
    approve_sample: Annotated[float, share()] = Field(
        default=0.0, description="and so large a share of the others, such as 0.1"
    )
    memory: Memory | None = Field(
        default=None,
        description="other documents that a review is told of (docs/configuration.md)",
        examples=["{decided: {Status: [Accepted, Done]}, others: true}"],
    )
    images: Flag = Field(default=False, description="show models the document's images, too")
    models: Annotated[tuple[ModelName, ...], filled] | None = Field(
        default=None,
        description="for this database instead of the common list",
        examples=["[openai:gpt-6.1-sol, offline]"],
    )

    def called(self, *titles: str) -> str:
        """Return how it is named to people: as the config does, by its title, or by its id."""
        return self.name or next(filter(None, titles), self.id)

    @property
    def where_words(self) -> dict[str, tuple[str, ...]]:
        """The values that `where` names, by property."""
        return {name: condition.words for name, condition in self.where.items()}

    @model_validator(mode="before")
    @classmethod
    def _prompt_file(cls, data: Any) -> Any:
        """Read `prompt: {file: …}` and `prompt: "file: …"` as `file: …`."""
        if not isinstance(data, dict) or "file" in data:
            return data
        prompt = data.get("prompt")
        if isinstance(prompt, dict) and prompt.keys() == {"file"}:
            path = prompt["file"]
        elif match := _FILE.fullmatch(
            getattr(prompt, "text", prompt if isinstance(prompt, str) else "")
        ):
            path = match[1]
        else:
            return data
        return {**{key: data[key] for key in data if key != "prompt"}, "file": path}

    @field_validator("file")
    @classmethod
    def _one_prompt(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and info.data.get("prompt") is not None:
            raise ValueError("stands beside prompt; keep one of the two")
        return file


class Notion(Section):
    """How much of Notion's own limit is used."""

    requests_per_minute: Annotated[int, whole(1, 600)] = Field(
        default=170, description="Notion allows 180, on the larger plans 600"
    )


class Alerts(Section):
    """Who is told when people must act: once when it begins, once when it is over."""

    command: tuple[Text, ...] = Field(
        default=(),
        description="told once when people must act, once when it is over",
        examples=["[/usr/local/bin/page-someone, notion-review]"],
    )
    url: Url | None = Field(
        default=None,
        repr=False,
        description="the same, sent there by POST",
        examples=["https://alerts.example.com/notion-review"],
    )
    format: Annotated[Format, BeforeValidator(word_of(Format))] | None = Field(
        default=None,
        description="of `url`: json, slack, teams, discord or ntfy",
        examples=["slack"],
    )
    waiting: Duration = Field(
        default=timedelta(days=1), description="people must act when a page waits for longer"
    )
    quiet: Duration = Field(
        default=timedelta(days=14), description="and when no page was edited for so long"
    )

    @field_validator("command")
    @classmethod
    def _from_folder(cls, command: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Read the program, and what looks like a path behind it, as every path of the file."""
        return tuple(
            str(as_file(word, info))
            if word.startswith(("./", "../", "~/")) or (not index and "/" in word)
            else word
            for index, word in enumerate(command)
        )


class Events(Section):
    """Where Notion's webhooks arrive; what they name is looked at sooner."""

    listen: OwnAddress | None = Field(
        default=None,
        description="where your proxy passes Notion's webhooks on to",
        examples=["127.0.0.1:8100"],
    )

    @property
    def port(self) -> int | None:
        """The port to listen on; None where no events are taken."""
        return int(self.listen.rpartition(":")[2]) if self.listen else None


def _or_absent(kind: Any) -> BeforeValidator:
    """Return the check for a section that counts as absent where all its keys are commented out."""

    def check(value: Any) -> Any:
        return {} if isinstance(value, Scalar) and value.is_null else value

    return BeforeValidator(check, json_schema_input_type=kind | None)


_Prices = Mapping[ModelName, Price]
_Windows = Mapping[ModelName, Annotated[int, whole(512, 10**9)]]


class Config(Section):
    """config.yaml as a whole; its paths are absolute when it came out of a file."""

    databases: Annotated[tuple[Database, ...], filled] = Field(description="what to review")
    models: Annotated[tuple[ModelName, ...], filled] = Field(
        default=DEFAULT_MODELS,
        description="in order of preference; offline is the rule-based one",
    )
    schedule: Annotated[Schedule, BeforeValidator(one_of)] = Field(
        default=Schedule(every=EVERY_HOUR), description="when to sweep"
    )
    settle: Duration = Field(
        default=timedelta(minutes=10), description="a page waits until nobody edited it for so long"
    )
    settle_limit: Duration = Field(
        default=timedelta(hours=4), description="but not longer than this"
    )
    lookback: Duration = Field(
        default=timedelta(days=1), description="how far back the first sweep reviews"
    )
    watch_days: Annotated[int, whole(0, 3650)] = Field(
        default=30,
        description="days for which a reviewed page's comments are watched",
    )
    watch_requests: Annotated[int, whole(0, 10_000)] = Field(
        default=240,
        description="most requests of a sweep for watching; 240 take 85 s",
    )
    review_on_prompt_change: Flag = Field(
        default=False, description="review every page again when the prompt changed"
    )
    review_on_settings_change: Flag = Field(
        default=False, description="the same when the model or the settings of a review did"
    )
    effort: Annotated[Efforts, _or_absent(Efforts)] = Efforts()
    answer_tokens: Annotated[int, whole(1_000, 10**6)] = Field(
        default=24_000, description="tokens of one answer of a model, thinking included"
    )
    whole_up_to: Annotated[int, whole(0, 10**7)] = Field(
        default=40_000, description="tokens of a document that is always shown whole"
    )
    deep: Annotated[Deep, BeforeValidator(word_of(Deep))] = Field(
        default=Deep.LONG, description="which are read in sections: long, or always"
    )
    second_look: SecondLooker = Field(
        default="off", description="who judges the points again: off, same, auto or a model"
    )
    limits: Annotated[Limits, _or_absent(Limits)] = Limits()
    notion: Annotated[Notion, _or_absent(Notion)] = Notion()
    alerts: Annotated[Alerts, _or_absent(Alerts)] = Alerts()
    events: Annotated[Events, _or_absent(Events)] = Events()
    digest: Annotated[Digest, _or_absent(Digest)] = Digest()
    state: FilePath = Field(
        default=Path("state/notion-review.db"),
        description="the SQLite file, from the folder of this file",
    )
    record: Retention = Field(
        default=timedelta(days=14),
        description="how long it is kept what went to a model; 0: not at all",
    )
    prices: Annotated[_Prices, _or_absent(_Prices)] = Field(
        default={},
        description="US dollars per million tokens; cached may be left out",
        examples=['{"openai:my-model": {input: 1.0, output: 2.0, cached: 0.1}}'],
    )
    windows: Annotated[_Windows, _or_absent(_Windows)] = Field(
        default={},
        description="context in tokens of models whose server does not tell it",
        examples=['{"openai:my-model": 32768}'],
    )

    @property
    def prompts(self) -> dict[str, str]:
        """The prompt page or database of each database that has one, by the database's id."""
        return {one.id: one.prompt for one in self.databases if one.prompt}

    @field_validator("state")
    @classmethod
    def _not_a_link(cls, state: Path) -> Path:
        """Follow a symlink: the lock and SQLite's files stand beside the file that it leads to."""
        with suppress(OSError):
            return state.resolve() if state.is_symlink() else state
        return state

    @field_validator("digest")
    @classmethod
    def _reaches_somebody(cls, digest: Digest, info: ValidationInfo) -> Digest:
        alerts, databases = info.data.get("alerts"), info.data.get("databases") or ()
        if digest.every is None or alerts is None:
            return digest
        if Channel.ALERTS in digest.to and not (alerts.url or alerts.command):
            raise ValueError("reaches nobody; set alerts.url or alerts.command")
        if Channel.NOTION in digest.to and not any(one.prompt for one in databases):
            raise ValueError(
                "reaches no prompt page; give a database a prompt, or write to: [alerts]"
            )
        return digest

    @field_validator("databases")
    @classmethod
    def _shared_with_known(cls, databases: tuple[Database, ...]) -> tuple[Database, ...]:
        names = {one.name for one in databases}
        for one in databases:
            for name in one.memory.share if one.memory else ():
                if name not in names:
                    raise ValueError(f"memory.share: {shown(name)} is not the `name` of an entry")
        return databases

    @field_validator("settle_limit")
    @classmethod
    def _not_below_settle(cls, limit: timedelta, info: ValidationInfo) -> timedelta:
        settle = info.data.get("settle")
        if settle is not None and limit < settle:
            short = f"{duration_text(limit)} is shorter than settle ({duration_text(settle)})"
            raise ValueError(f"{short}; make it longer, or settle shorter")
        return limit


SECTIONS: dict[str, type[Section]] = {
    "": Config,
    "databases": Database,
    "memory": Memory,
    "schedule": Schedule,
    "effort": Efforts,
    "limits": Limits,
    "notion": Notion,
    "alerts": Alerts,
    "events": Events,
    "digest": Digest,
    "prices": Price,
}
SECTION_KEYS = {name: tuple(section.model_fields) for name, section in SECTIONS.items()}
