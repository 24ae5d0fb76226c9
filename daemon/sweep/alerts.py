"""What people must act on: raised once when it begins, taken back once when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from daemon.config.values import duration_text, shown
from daemon.domain.errors import (
    BudgetEmpty,
    ConfigError,
    ModelRefused,
    ModelsDown,
    ReviewError,
    TokenRefused,
)
from daemon.domain.events import Alert, split_alert
from daemon.domain.notation import iso, when
from daemon.domain.second_look import WATCH, Watch
from daemon.store import drafts, pages, sweeps
from daemon.store.database import get_value, set_value
from daemon.store.views import reporting
from daemon.sweep.context import Context


# So many sweeps in a row that did nothing are no hiccup any more.
FAILED_SWEEPS = 3
# And so many in a row without an outage, after one, show that the models are back.
CALM_SWEEPS = 3
# So many reviews in a row in which the model said nothing are the model's fault, or the server's.
EMPTY_ANSWERS = 5
# Nobody seems to look at the drafts.
DRAFTS_WAIT = timedelta(days=1)


def raise_alert(context: Context, name: str, words: str) -> None:
    """Raise an alert, unless it stands already."""
    if sweeps.raise_alert(context.state, name, words, context.notion.now):
        context.emit("alert.raised", alert=name, text=words)


def clear(context: Context, name: str) -> None:
    """Take an alert back, if it stands."""
    if sweeps.clear_alert(context.state, name):
        context.emit("alert.over", alert=name)


def after_sweep(context: Context, errors: Sequence[ReviewError]) -> None:
    """Raise and clear what only a whole sweep shows."""
    # What was said of databases, and of prompt pages, that the config names no more is over.
    targets = context.config.databases
    current = {Alert.ACCESS.of(target.id) for target in targets}
    current |= {Alert.UNLISTED.of(target.id) for target in targets}
    current |= {
        Alert.SELECTION.of(target.id) for target in targets if target.where or target.properties
    }
    current |= {Alert.PROMPT.of(target.id) for target in targets if target.prompt is not None}
    for alert in sweeps.alerts(context.state):
        of_database = split_alert(alert["name"])[1]
        if of_database and alert["name"] not in current:
            clear(context, alert["name"])
    faults = [one.fault if isinstance(one, ModelRefused) else one for one in errors]
    hold(context, Alert.TOKEN, _first(faults, TokenRefused))
    hold(context, Alert.CONFIG, _first(faults, ConfigError))
    _count_calm(context, errors)
    endings = reporting.last_outcomes(context.state, FAILED_SWEEPS)
    all_failed = len(endings) == FAILED_SWEEPS and set(endings) == {"failed"}
    why = str(errors[0]) if errors else "see the log"
    said = f"the last {FAILED_SWEEPS} sweeps did nothing: {why}"
    hold(context, Alert.SWEEPS, said if all_failed else "")
    for name, words in _overdue(context).items():
        hold(context, name, words)
    watch = Watch.read(get_value(context.state, WATCH), context.config.second_look)
    doubts = [
        f"{name} looks at points no more: {why}; name another in second_look, or write off"
        for name, why in sorted(watch.doubted.items())
    ]
    hold(context, Alert.SECOND_LOOK, "; ".join(doubts))


def stands(context: Context, name: str) -> bool:
    """Tell whether an alert is raised and not over."""
    return any(alert["name"] == name for alert in sweeps.alerts(context.state))


_CALM = "models_calm"


def _count_calm(context: Context, errors: Sequence[ReviewError]) -> None:
    """Take the alert about the models back once they answered and stayed up for some sweeps.

    Models that go down and up with every sweep would be told each time.
    """
    if not stands(context, Alert.MODELS):
        return
    calm = int(get_value(context.state, _CALM) or 0)
    if any(isinstance(error, ModelsDown) for error in errors):
        calm = 0
    elif calm or context.tally.model_answered:
        calm += 1
    set_value(context.state, _CALM, str(calm))
    if calm >= CALM_SWEEPS:
        clear(context, Alert.MODELS)
        set_value(context.state, _CALM, "0")


def hold(context: Context, name: str, words: str) -> None:
    """Raise an alert with these words, or take it back where there are none."""
    if words:
        raise_alert(context, name, words)
    else:
        clear(context, name)


def _first(errors: Sequence[ReviewError], kind: type[ReviewError]) -> str:
    return next((str(error) for error in errors if isinstance(error, kind)), "")


def _overdue(context: Context) -> dict[Alert, str]:
    """Return what has been waited for too long, in words by alert; "" for what has not."""
    state, config, now = context.state, context.config, context.notion.now
    sources = pages.source_ids(state, (one.id for one in config.databases))
    words = dict.fromkeys((Alert.WAITING, Alert.QUIET, Alert.DRAFTS), "")
    asleep = pages.asleep(state, config.prompts)
    waiting = reporting.longest_waiting(state, [one for one in sources if one not in asleep])
    if waiting and waiting[1] <= now - config.alerts.waiting:
        words[Alert.WAITING] = (
            f"the page {shown(waiting[0])} waits since {iso(waiting[1])} for its review; "
            "notion-review explain tells why"
        )
    newest = reporting.newest_edit(state, sources)
    if newest and newest <= now - config.alerts.quiet:
        words[Alert.QUIET] = (
            f"no page was edited for {duration_text(config.alerts.quiet)}, the last on "
            f"{iso(newest)[:10]}; if people did write, notion-review doctor finds out why it is "
            "not seen"
        )
    held = drafts.waiting(state)
    if held and held[0].held_at <= now - DRAFTS_WAIT:
        number = f"{len(held)} reviews wait" if len(held) > 1 else "a review waits"
        words[Alert.DRAFTS] = (
            f"{number} for approval, since {iso(held[0].held_at)}; "
            "notion-review drafts lists what to decide on"
        )
    return words


_BUDGET_UNTIL = "budget_until"


def ran_out(context: Context, error: BudgetEmpty) -> None:
    """Tell people, once, that pages wait."""
    if error.until is not None:
        set_value(context.state, _BUDGET_UNTIL, iso(error.until))
    raise_alert(context, Alert.BUDGET, str(error))


def clear_budget(context: Context) -> None:
    """Take the alert back after a sweep that never ran out.

    It is over where the day or month that was empty is, or where a model was asked since: then
    somebody raised the limit.
    """
    until = get_value(context.state, _BUDGET_UNTIL)
    if context.meter.total.requests or (until and context.notion.now >= when(until)):
        clear(context, Alert.BUDGET)


_EMPTY_ANSWERS = "empty_answers"


def count_answer(context: Context, nothing: str) -> None:
    """Count the reviews in a row in which the model said nothing.

    Args:
        context: The sweep.
        nothing: Why it said nothing; "" for a review.
    """
    before = int(get_value(context.state, _EMPTY_ANSWERS) or 0)
    if not nothing:
        if before:
            set_value(context.state, _EMPTY_ANSWERS, "0")
            clear(context, Alert.EMPTY_ANSWERS)
        return
    set_value(context.state, _EMPTY_ANSWERS, str(before + 1))
    if before + 1 >= EMPTY_ANSWERS:
        raise_alert(
            context,
            Alert.EMPTY_ANSWERS,
            f"the last {before + 1} reviews brought nothing, the latest: {nothing}; notion-review "
            "doctor says what the model can",
        )
