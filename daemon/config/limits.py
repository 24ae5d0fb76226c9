"""The smaller sections of config.yaml: limits, memory, effort, prices."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
)

from daemon.config.values import Flag, Text, Where, amount, as_text, shown, whole
from daemon.domain.providers import PROVIDERS
from daemon.domain.values import Effort


Tokens = Annotated[int, whole(1, 10**12)]
Dollars = Annotated[float, amount(0.01)]


class Section(BaseModel):
    """A mapping of config.yaml: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Limits(Section):
    """What a review, a thread, a page, a day and a month may take."""

    comments_per_review: Annotated[int, whole(1, 100)] = Field(
        default=8, description="new comments of one review"
    )
    comments_per_block: Annotated[int, whole(1, 20)] = Field(
        default=2, description="of these on one block"
    )
    replies_per_thread: Annotated[int, whole(1, 100)] = Field(
        default=5, description="answers in one thread, then it is handed over to people"
    )
    replies_per_person: Annotated[int, whole(1, 1000)] = Field(
        default=30, description="answers to one person in a day, all pages together"
    )
    rounds: Annotated[int, whole(1, 50)] = Field(
        default=6, description="requests to the model in one review, or one pass of it"
    )
    seconds_per_review: Annotated[int, whole(1, 3600)] = Field(
        default=900, description="how long one review may take"
    )
    concurrent_reviews: Annotated[int, whole(1, 64)] = Field(
        default=4, description="reviews at the same time"
    )
    tokens_per_review: Tokens = Field(
        default=500_000, description="in and out, all requests of one review"
    )
    cost_per_review: Dollars = Field(
        default=2.0, description="US dollars; a model without a known price needs `prices`"
    )
    tokens_per_page: Tokens = Field(default=1_000_000, description="in a day, for one page")
    cost_per_page: Dollars = Field(default=5.0, description="in a day, for one page")
    tokens_per_day: Tokens = Field(default=2_000_000, description="all pages together")
    cost_per_day: Dollars = Field(default=20.0, description="all pages together")
    tokens_per_month: Tokens = Field(default=40_000_000, description="all pages together")
    cost_per_month: Dollars = Field(default=400.0, description="all pages together")


class Replies(StrEnum):
    """Which threads the reviewer answers in."""

    ANY = "any"
    OURS = "ours"
    MENTIONED = "mentioned"
    NONE = "none"


class Approve(StrEnum):
    """Which reviews wait for a person before they are posted."""

    NONE = "none"
    UNUSUAL = "unusual"
    BLOCKING = "blocking"
    ALL = "all"


class Deep(StrEnum):
    """Which documents are read in sections."""

    LONG = "long"
    ALWAYS = "always"


class Period(StrEnum):
    """How often the team gets a digest."""

    DAY = "day"
    WEEK = "week"


class Channel(StrEnum):
    """Where a digest goes."""

    NOTION = "notion"
    ALERTS = "alerts"


class Format(StrEnum):
    """What the URL for alerts takes."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    NTFY = "ntfy"


def word_of(choice: type[StrEnum]) -> Callable[[Any], Any]:
    """Return the check for one of the words of an enumeration."""
    *first, last = [member.value for member in choice]

    def check(value: Any) -> Any:
        word = value if isinstance(value, choice) else as_text(value)
        if word not in tuple(choice):
            known = " or ".join(filter(None, (", ".join(first), last)))
            raise ValueError(f"{shown(value)} is unknown; write {known}")
        return choice(word)

    return check


class Memory(Section):
    """Which documents of a database the reviews of others are told of."""

    decided: Where
    others: Flag = False
    share: tuple[Text, ...] = ()

    @field_validator("decided")
    @classmethod
    def _says_something(cls, decided: Where) -> Where:
        if not decided:
            raise ValueError("is empty; name what makes a document decided: {Status: [Accepted]}")
        return decided


_EFFORT = Annotated[Effort, BeforeValidator(word_of(Effort))]


class Efforts(Section):
    """How long a model thinks, by what it is asked for; models that cannot be told ignore it."""

    first: _EFFORT = Field(
        default=Effort.HIGH, description="of a page's first review: low, medium or high"
    )
    again: _EFFORT = Field(default=Effort.MEDIUM, description="of its later reviews")
    reply: _EFFORT = Field(default=Effort.LOW, description="of answers to people alone")


class Price(Section):
    """US dollars per million tokens; without `cached`, cached input costs as `input`."""

    input: Annotated[float, amount(0)]
    output: Annotated[float, amount(0)]
    cached: Annotated[float, amount(0)] | None = None


_LOOKS = ("off", "same", "auto")
_LOOKER = rf"^({'|'.join(PROVIDERS)}):\S+$"


def _as_second_look(value: Any) -> Any:
    word = "off" if value is False else as_text(value)
    if re.fullmatch(_LOOKER, word):
        return word
    if word not in (*_LOOKS, "false"):  # some readers of YAML take `off` for false
        raise ValueError(f"{shown(value)} is unknown; write off, same, auto or a model's name")
    return "off" if word == "false" else word


def verifiers(second_look: str) -> set[str]:
    """Return the model that `second_look` names, if it names one."""
    return {second_look} - {*_LOOKS}


_LOOK_FORMS = [{"enum": [*_LOOKS, False]}, {"type": "string", "pattern": _LOOKER}]
SecondLooker = Annotated[
    str, BeforeValidator(_as_second_look), WithJsonSchema({"anyOf": _LOOK_FORMS})
]


def _filled(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise ValueError("is empty; list at least one")
    return value


filled = BeforeValidator(_filled)
