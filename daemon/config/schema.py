"""The shape of config.yaml: every key, its default and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from daemon.config.values import (
    Cron,
    DatabaseId,
    Duration,
    Flag,
    Interval,
    ModelName,
    PageId,
    Scalar,
    Text,
    Url,
    Zone,
    amount,
    as_text,
    duration_text,
    shown,
    whole,
)


DEFAULT_MODELS = ("anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol")
EVERY_HOUR = timedelta(hours=1)
_FILE = re.compile(r"file: *(\S.*)")


class Replies(StrEnum):
    """Which threads the reviewer answers in."""

    ANY = "any"
    OURS = "ours"
    MENTIONED = "mentioned"
    NONE = "none"


def _as_replies(value: Any) -> Any:
    if value in tuple(Replies):
        return Replies(value)
    text = as_text(value)
    if text in tuple(Replies):
        return Replies(text)
    raise ValueError(f"{shown(value)} is not one of any, ours, mentioned, none")


def _as_file(value: Any, info: ValidationInfo) -> Any:
    path = value if isinstance(value, Path) else Path(as_text(value)).expanduser()
    folder = (info.context or {}).get("folder")
    return folder / path if folder else path


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, Scalar | str) else value


def _filled(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise ValueError("is empty; list at least one")
    return value


filled = BeforeValidator(_filled)
FilePath = Annotated[Path, BeforeValidator(_as_file)]


class Section(BaseModel):
    """A mapping of config.yaml: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Database(Section):
    """One database to review. `prompt` or `file` name its instructions; neither: the built-in."""

    name: Text | None = Field(default=None, description="how it is called in logs and `status`")
    id: DatabaseId = Field(description="a database or data source: id or URL of any Notion host")
    prompt: PageId | None = Field(default=None, description="the Notion page with the prompt")
    file: FilePath | None = Field(
        default=None, description="a Markdown file with the prompt instead"
    )
    where: Mapping[Text, Annotated[tuple[Text, ...], BeforeValidator(_one_or_many)]] = Field(
        default={}, description="only pages whose property has one of these values"
    )
    properties: tuple[Text, ...] = Field(
        default=(), description="shown to the reviewer and part of what counts as a change"
    )
    reviewer: Text | None = Field(default=None, description="the name on the comments")
    page_comment: Flag = Field(
        default=True, description="whether the summary is posted on the page"
    )
    replies: Annotated[Replies, BeforeValidator(_as_replies)] = Field(
        default=Replies.ANY,
        description="which threads are answered: any, ours (it is in them), mentioned or none",
    )
    models: Annotated[tuple[ModelName, ...], filled] | None = Field(
        default=None, description="in order of preference, instead of the list for all"
    )

    @model_validator(mode="before")
    @classmethod
    def _prompt_file(cls, data: Any) -> Any:
        """Take `prompt: {file: …}` and `prompt: "file: …"` for what they mean."""
        if not isinstance(data, dict) or "file" in data:
            return data
        prompt = data.get("prompt")
        if isinstance(prompt, dict) and prompt.keys() == {"file"}:
            path = prompt["file"]
        elif isinstance(prompt, Scalar | str) and (match := _FILE.fullmatch(as_text(prompt))):
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


class Schedule(Section):
    """When to sweep: `every`, or `cron` (in the scheduler's dialect) in a time zone."""

    every: Interval | None = Field(default=None, description="the time from sweep to sweep")
    cron: Cron | None = Field(default=None, description='or a crontab line, such as `"0 * * * *"`')
    timezone: Zone = Field(default="UTC", description="the time zone of `cron`")


def _one_of(value: Any) -> Any:
    """Refuse both or neither of every and cron; other mistakes of the section go first."""
    if not isinstance(value, dict) or not value.keys() <= Schedule.model_fields.keys():
        return value
    if "every" in value and "cron" in value:
        raise ValueError("has both every and cron; keep one")
    if not value.keys() & {"every", "cron"}:
        raise ValueError('is empty; write {every: 1h} or {cron: "0 * * * *"}')
    if "every" in value and "timezone" in value:
        raise ValueError("has a timezone, which only cron uses; delete it or write cron")
    return value


class Limits(Section):
    """What a review, a thread and a day may take."""

    comments_per_review: Annotated[int, whole(1, 100)] = Field(
        default=8, description="new comments one review may make"
    )
    comments_per_block: Annotated[int, whole(1, 20)] = Field(
        default=2, description="of these on the same block"
    )
    replies_per_thread: Annotated[int, whole(1, 100)] = Field(
        default=5, description="answers in one thread before it is handed over to people"
    )
    rounds: Annotated[int, whole(1, 50)] = Field(
        default=4, description="requests to the model in one review"
    )
    seconds_per_review: Annotated[int, whole(1, 3600)] = Field(
        default=300, description="time one review may take"
    )
    concurrent_reviews: Annotated[int, whole(1, 64)] = Field(
        default=4, description="reviews at the same time"
    )
    tokens_per_day: Annotated[int, whole(1, 10**12)] = Field(
        default=2_000_000, description="tokens of all models together, in and out"
    )
    cost_per_day: Annotated[float, amount(1_000_000)] = Field(
        default=20.0, description="US dollars; a model without a known price needs `prices`"
    )


class Notion(Section):
    """How much of Notion's own limit is used."""

    requests_per_minute: Annotated[int, whole(1, 600)] = Field(
        default=170, description="Notion allows 180 a minute, 600 on the larger plans"
    )


class Alerts(Section):
    """Who is told when people must act: once when it begins, once when it is over."""

    command: tuple[Text, ...] = Field(default=(), description="a program and its arguments")
    url: Url | None = Field(default=None, description="an address that is sent a JSON object")


class Price(Section):
    """US dollars per million tokens; without `cached`, cached input costs as `input`."""

    input: Annotated[float, amount(1_000_000)]
    output: Annotated[float, amount(1_000_000)]
    cached: Annotated[float, amount(1_000_000)] | None = None


def _or_absent(value: Any) -> Any:
    """A section whose keys are all commented out counts as absent."""
    return {} if isinstance(value, Scalar) and value.is_null else value


class Config(Section):
    """config.yaml as a whole; its paths are absolute when it came out of a file."""

    databases: Annotated[tuple[Database, ...], filled] = Field(
        description="the databases to review"
    )
    models: Annotated[tuple[ModelName, ...], filled] = Field(
        default=DEFAULT_MODELS, description="in order of preference; offline is rule-based"
    )
    schedule: Annotated[Schedule, BeforeValidator(_one_of)] = Field(
        default=Schedule(every=EVERY_HOUR), description="when to sweep"
    )
    settle: Duration = Field(
        default=timedelta(minutes=10),
        description="a page is reviewed once nobody edited it for so long",
    )
    settle_limit: Duration = Field(
        default=timedelta(hours=4), description="but never later than this after its first edit"
    )
    lookback: Duration = Field(
        default=timedelta(days=1), description="how far back the first sweep reviews"
    )
    watch_days: Annotated[int, whole(0, 3650)] = Field(
        default=30, description="days after a review in which new comments are looked for"
    )
    watch_requests: Annotated[int, whole(0, 10_000)] = Field(
        default=60, description="requests a sweep may spend on that"
    )
    review_on_prompt_change: Flag = Field(
        default=False,
        description="whether a changed prompt reviews every page again",
    )
    limits: Annotated[Limits, BeforeValidator(_or_absent)] = Limits()
    notion: Annotated[Notion, BeforeValidator(_or_absent)] = Notion()
    alerts: Annotated[Alerts, BeforeValidator(_or_absent)] = Alerts()
    state: FilePath = Field(
        default=Path("state/notion-review.db"),
        description="the SQLite file; its folder holds the lock",
    )
    prices: Annotated[Mapping[ModelName, Price], BeforeValidator(_or_absent)] = Field(
        default={}, description="US dollars per million tokens (input, output, cached) by model"
    )
    windows: Annotated[
        Mapping[ModelName, Annotated[int, whole(512, 10**9)]], BeforeValidator(_or_absent)
    ] = Field(default={}, description="context window in tokens by model, for servers of one's own")

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
    "schedule": Schedule,
    "limits": Limits,
    "notion": Notion,
    "alerts": Alerts,
    "prices": Price,
}
SECTION_KEYS = {name: tuple(section.model_fields) for name, section in SECTIONS.items()}
