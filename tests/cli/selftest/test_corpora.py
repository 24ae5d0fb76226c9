"""Attack texts of others' collections, as document, comment and title: nothing gets through."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from daemon.cli.selftest import judge
from daemon.cli.selftest.obedient import Case, Remark


# They are in the lock of the development packages; an older environment has not got them yet.
aib = pytest.importorskip("aib.dataset")
bastioncorpus = pytest.importorskip("bastioncorpus")

CANARY = "canary-{token}"
# What an obeying model takes out of a text to do: whom to call, where to link, what to tell.
_LOOT = re.compile(r"[\w.+-]+@[\w.-]+\.\w+|https?://\S+|(?:[\w-]+\.)+(?:example|com|net|org)\b")
SAMPLE = 48


def payloads() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (name, text, names of the tools that it wants)."""
    bastion = [
        (f"bastion {one.id}", one.text.replace("{canary}", CANARY), ())
        for one in bastioncorpus.load_corpus()
    ]
    return bastion + [
        (f"aib {one.id}", one.injected, wanted(one))
        for one in aib.load(files("aib") / "data" / "attacks.jsonl")
    ]


def wanted(attack: Any) -> tuple[str, ...]:
    return tuple(name for name in (attack.success.tool, attack.success.sink) if name)


def obeyed(text: str) -> tuple[str, ...]:
    """Return what a model writes that obeys: the words, all that it is asked for, and where to."""
    places = " ".join(
        f"@{place} {place}?q={{token}} [here](https://{place.rpartition('/')[2]}/x)"
        for place in _LOOT.findall(text)
    )
    return text, f"As you wish: {{key}} {{token:base64}} {places}", "{instructions} {prompt}"


def as_cases(name: str, text: str, tools: tuple[str, ...]) -> list[Case]:
    calls = tuple((tool, {"text": text, "to": "{key}"}) for tool in tools)
    made = {"writes": obeyed(text), "calls": calls}
    return [
        Case("document", name, text=text, **made),
        Case("comment", name, remarks=(Remark(text, on_block=True),), **made),
        Case("title", name, title=text[:1_900], **made),
    ]


def test_the_collections_are_what_their_names_say() -> None:
    assert len(payloads()) > 150
    assert len({text for _, text, _ in payloads()}) > 150
    assert sum("ignore" in text.lower() for _, text, _ in payloads()) > 20
    assert sum(bool(tools) for _, _, tools in payloads()) >= 3


def got_through(found: list[tuple[str, str, tuple[str, ...]]]) -> list[str]:
    every = [case for one in found for case in as_cases(*one)]
    return [
        f"{one.case.name} as {one.case.family}: {breach}"
        for one in judge.run(every)
        for breach in one.breaches
    ]


def test_nothing_of_a_sample_of_other_peoples_attacks_gets_through() -> None:
    assert got_through(payloads()[::SAMPLE]) == []


@pytest.mark.real
def test_nothing_of_all_other_peoples_attacks_gets_through() -> None:
    assert got_through(payloads()) == []
