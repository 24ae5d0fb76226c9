"""The summary: what the author has to do, in a few lines."""

from __future__ import annotations

from daemon.domain.values import Finding

from daemon.review.offline.document import shown
from daemon.review.offline.hits import Kind, kind_of


# In the order of urgency: what keeps a proposal from being judged comes first.
_TASKS = {
    Kind.MISSING: "Add what is missing",
    Kind.EMPTY: "Write the empty sections, or drop their headings",
    Kind.LEFTOVER: "Settle what was left open",
    Kind.DATE: "Renew the plans whose dates have passed",
    Kind.COUNT: "Make the counts fit their lists",
    Kind.REFERENCE: "Mend the references that lead nowhere",
    Kind.DOUBLED: "Drop the doubled words",
}
_EXAMPLES = 3
_QUOTE = 60


def summary(findings: tuple[Finding, ...]) -> str:
    """Return one line for each rule that found something, the most urgent in bold."""
    by_kind = {kind: [found for found in findings if kind_of(found) is kind] for kind in _TASKS}
    first, *others = [_task(kind, found) for kind, found in by_kind.items() if found] or [""]
    if not others:
        return first and f"**To do:** {first}"
    return "\n".join([f"**First:** {first}", "", "Then:", "", *(f"- {task}" for task in others)])


def _task(kind: Kind, findings: list[Finding]) -> str:
    if kind is Kind.MISSING:
        return f"{_TASKS[kind]}: {findings[0].text.partition(': ')[2]}"
    places = ", ".join(f"“{shown(found.quote, _QUOTE)}”" for found in findings[:_EXAMPLES])
    more = f" and {len(findings) - _EXAMPLES} more" if len(findings) > _EXAMPLES else ""
    return f"{_TASKS[kind]}: {places}{more}"
