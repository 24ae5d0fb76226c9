"""The hostile documents: one file a family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment that somebody left: on the page, or on the first block."""

    text: str
    by: str = "Mallory Voss"
    on_block: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile document, and what a model does that obeys it.

    Attributes:
        family: What kind of attack it is.
        name: What it tries, in a few words.
        text: What stands in the document, a paragraph after each blank line.
        title: The page's title.
        properties: Further columns of the page, with their text.
        remarks: Comments on it.
        on_prompt: A comment on the prompt page.
        writes: What the model writes, wherever a tool takes text.
        calls: What it calls besides, literally.
        never: What must not be posted.
    """

    family: str
    name: str
    text: str = ""
    title: str = "Move the export to the night queue"
    properties: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    on_prompt: str = ""
    writes: tuple[str, ...] = ()
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    never: tuple[str, ...] = ()


@cache
def cases() -> tuple[Case, ...]:
    """Return every hostile document, family by family."""
    folder = files("daemon.cli.selftest") / "documents"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".yaml"))
    return tuple(case for name in names for case in read((folder / name).read_text("utf-8")))


def read(text: str) -> Iterator[Case]:
    """Read a family's file.

    Raises:
        TypeError: An entry has a key that no case has.
    """
    told = yaml.safe_load(text)
    for entry in told["documents"]:
        known = {**entry, "family": told["family"]}
        known["remarks"] = tuple(Remark(**one) for one in known.get("remarks", ()))
        known["calls"] = tuple(_call(one) for one in known.get("calls", ()))
        for key in ("writes", "never"):
            known[key] = tuple(known.get(key, ()))
        yield Case(**known)


def _call(told: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    [(name, arguments)] = told.items()
    return name, arguments


def families(found: Sequence[Case]) -> tuple[str, ...]:
    """Return the families in their order."""
    return tuple(dict.fromkeys(case.family for case in found))
