"""What the service reports: every event with its level, and every alert by name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, Protocol


Level = Literal["debug", "info", "warning", "error", "critical"]

# Every event that the package reports, by its dotted name.
LEVELS: Mapping[str, Level] = {
    "service.started": "info",
    "service.resting": "info",
    "service.stopped": "info",
    "service.clock_set_back": "info",
    "service.degraded": "error",
    "service.stuck": "critical",
    "config.adopted": "info",
    "config.refused": "error",
    "events.listening": "info",
    "events.not_listening": "error",
    "events.token": "warning",
    "events.refused": "warning",
    "events.named": "info",
    "events.missed": "info",
    "sweep.started": "info",
    "sweep.done": "info",
    "sweep.trouble": "error",
    "sweep.crashed": "error",
    "source.new": "info",
    "source.gone": "warning",
    "source.swept": "info",
    "pages.due": "info",
    "page.reading": "debug",
    "page.reading_threads": "debug",
    "page.paused": "warning",
    "page.reviewing": "debug",
    "page.answering": "debug",
    "page.unchanged": "info",
    "page.reviewed": "info",
    "page.answered": "info",
    "page.left": "info",
    "page.failed": "error",
    "prompt.not_read": "warning",
    "prompt.page_not_read": "warning",
    "memory.read": "info",
    "memory.not_read": "warning",
    "prompt.taken_up": "info",
    "prompt.trying": "debug",
    "prompt.tried": "info",
    "prompt.not_tried": "warning",
    "prompt.not_heard": "warning",
    "prompt.paused": "warning",
    "prompt.resumed": "info",
    "review.held": "info",
    "recording.failed": "warning",
    "draft.expired": "info",
    "comment.posted": "info",
    "comment.dropped": "warning",
    "comment.unclear": "warning",
    "comment.doubled": "warning",
    "watch.gone": "warning",
    "watch.failed": "error",
    "alert.raised": "error",
    "alert.over": "info",
    "alert.not_told": "warning",
    "ping.failed": "warning",
    "health.not_written": "warning",
    "request.retried": "debug",
    "library.said": "info",  # a library's own level takes the place of this one
}


class Emit(Protocol):
    """Reports one event: its dotted name, a key of `LEVELS`, and its facts."""

    def __call__(self, event: str, /, **facts: Any) -> None:
        """Report one event."""


class Alert(StrEnum):
    """What people must act on.

    `ACCESS`, `UNLISTED`, `SELECTION` and `PROMPT` stand once for each database: their names are
    made with `of`.
    """

    TOKEN = "token"  # noqa: S105 - the name of an alert
    CONFIG = "config"
    STATE = "state"
    ACCESS = "access"
    CAPABILITY = "capability"
    READING_COMMENTS = "reading comments"
    UNLISTED = "unlisted"
    SELECTION = "selection"
    PROMPT = "prompt"
    MODELS = "models"
    EMPTY_ANSWERS = "empty answers"
    SECOND_LOOK = "second look"
    BUDGET = "budget"
    SWEEPS = "sweeps"
    WAITING = "waiting"
    DRAFTS = "drafts"
    QUIET = "quiet"
    SURGE = "surge"
    FEWER_ADDRESSED = "fewer addressed"

    def of(self, database_id: str) -> str:
        """Return the name under which this alert stands for one database."""
        return f"{self.value} {database_id}"


# Alerts that keep every page waiting; the rest concern single pages or nobody's review.
HOLDING = frozenset(
    {
        Alert.TOKEN,
        Alert.CONFIG,
        Alert.MODELS,
        Alert.BUDGET,
        Alert.PROMPT,
        Alert.CAPABILITY,
        Alert.SWEEPS,
    }
)
# What an alert means for people who never see a terminal; one without such words tells its text.
PLAIN: Mapping[str, str] = {
    Alert.TOKEN: "Notion or a model's provider refuses a key.",
    Alert.CONFIG: "The configuration has a mistake: a model is unknown or has no price.",
    Alert.STATE: "What is done cannot be written down, so nothing is reviewed.",
    Alert.ACCESS: "The database is not shared with me any more.",
    Alert.CAPABILITY: "Notion does not let me comment.",
    Alert.READING_COMMENTS: "Notion shows me no comments, so nobody is answered.",
    Alert.UNLISTED: "Some edited documents cannot be listed; their next edit is reviewed.",
    Alert.SELECTION: "What selects the documents does not fit the database any more.",
    Alert.PROMPT: "The prompt page, as it was edited last, cannot be used.",
    Alert.MODELS: "No model answers, so the documents wait.",
    Alert.EMPTY_ANSWERS: "The model's last answers were empty or cut off.",
    Alert.SECOND_LOOK: "Who looks at my points a second time cannot be believed, so nobody does.",
    Alert.BUDGET: "What may be spent is spent, so the documents wait.",
    Alert.SWEEPS: "I could do nothing the last times that I looked.",
    Alert.WAITING: "A document has waited very long for its review.",
    Alert.DRAFTS: "Reviews have waited long for somebody to approve them.",
    Alert.QUIET: "I have seen no edit for long; if there were some, I miss them.",
    Alert.SURGE: "Far more came than in the weeks before: reviews, points, cost, or one topic.",
    Alert.FEWER_ADDRESSED: "Authors act on far fewer of my points than before.",
}


def split_alert(name: str) -> tuple[str, str]:
    """Return (alert, database id) of an alert's name; the id is "" where it concerns them all.

    A name that only another version knows is taken apart as well.
    """
    if name in set(Alert):
        return name, ""
    alert, _, database_id = name.partition(" ")
    return alert, database_id
