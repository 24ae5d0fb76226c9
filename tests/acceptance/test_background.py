"""What pages that the prompt page mentions may lead to: knowledge, and no way out for it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks, rich
from support.program import NOW, Call, Program, ScriptedModel, comment, finish, plain, posted, reply


HOUR = timedelta(hours=1)
FIGURES = [f"{number},{number * 7 % 1000:03}" for number in range(41, 57)]
NAMES = [f"Project {chr(ord('A') + number)}" for number in range(len(FIGURES))]
RULES = [f"{name} may cost {figure} euros" for name, figure in zip(NAMES, FIGURES, strict=True)]


def page(box: Sandbox, title: str, *lines: Any) -> Any:
    content = [blocks.paragraph(line) for line in lines]
    return box.world.page(None, title, content, at=NOW - 9 * HOUR)


def prompt(box: Sandbox, program: Program, *mentioned: Any) -> Any:
    lines = [[rich.text("See "), rich.mention("page", one)] for one in mentioned]
    made = page(box, "Prompt", "Be strict.", *lines)
    program.config["databases"][0]["prompt"] = made.id
    return made


def document(box: Sandbox, rfcs: str) -> Any:
    content = [blocks.paragraph(f"What may {name} cost?") for name in NAMES]
    return box.world.page(rfcs, "Costs", content, at=NOW - HOUR)


def told(box: Sandbox) -> set[str]:
    """Which of the figures stand in what was posted."""
    words = "\n".join(map(plain, posted(box)))
    return {figure for figure in FIGURES if figure in words}


@pytest.mark.parametrize("link", ["mention", "link"])
def test_what_a_mentioned_page_mentions_is_not_read(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, link: str
) -> None:
    hidden = page(box, "Salaries", "Salaries begin at 41,287.")
    address = f"https://www.notion.so/{hidden.id.replace('-', '')}"
    way: Any = [rich.mention("page", hidden)] if link == "mention" else f"[here]({address})"
    guide = page(box, "Guide", "Guide knowledge.", way)
    prompt(box, program, guide)
    document(box, rfcs)
    program.sweep()
    system = json.dumps(model.sent[0].body["system"])
    assert "Guide knowledge." in system
    assert "41,287" not in system
    assert box.requests.count("GET", f"/v1/blocks/{hidden.id}/children") == 0


def test_an_address_that_stands_on_a_background_page_alone_is_not_posted(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    prompt(box, program, page(box, "Guide", "Look at https://hidden.example/plan first."))
    document(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B1", "What may", "See https://hidden.example/plan for it."),
        finish("See [the plan](https://hidden.example/plan)."),
    ]
    program.sweep()
    assert posted(box)
    assert "hidden.example" not in json.dumps([one.rich_text for one in posted(box)])


def piece(number: int, form: str) -> str:
    return RULES[number] + "." if form == "as written" else f"It is {FIGURES[number]}."


@pytest.mark.parametrize("form", ["as written", "figures"])
def test_pieces_of_a_background_page_add_up_over_the_comments_of_a_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, form: str
) -> None:
    program.config["limits"] = {"comments_per_review": 50}
    prompt(box, program, page(box, "Costs of all", *RULES))
    document(box, rfcs)

    def think(_document: str, turn: int) -> list[Call]:
        said = [
            comment(f"B{number + 1}", "What may", piece(number, form), title=f"Cost of {name}")
            for number, name in enumerate(NAMES)
        ]
        return [finish("That is all.")] if turn else [*said, finish(" ".join(FIGURES))]

    model.think = think
    program.sweep()
    assert 1 <= len(told(box)) <= 5
    assert any("name the page instead" in answer for answer in model.answers)


def test_pieces_add_up_over_the_answers_to_one_who_asks_again_and_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["limits"] = {"replies_per_thread": 50}
    prompt(box, program, page(box, "Costs of all", *RULES))
    asked = document(box, rfcs)
    program.sweep()
    for number, block in enumerate(box.world.blocks(asked)):
        box.world.comment(block, f"What may {NAMES[number]} cost?")

        def think(document: str, _turn: int, number: int = number) -> list[Call]:
            lines = document.splitlines()
            marks = [at for at, line in enumerate(lines) if ", new: " in line]
            threads = [line for line in lines[: marks[0]] if line.startswith("[T")] if marks else []
            said = [reply(threads[-1][1:].split()[0], piece(number, "figures"))] if threads else []
            return [*said, finish()]

        model.think = think
        box.clock.advance(HOUR)
        program.run("--once")
    assert 1 <= len(told(box)) <= 5


def test_a_page_that_is_mentioned_may_be_quoted_and_its_numbers_named(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    guide = "A service keeps its logs for 90 days, and answers within 250 ms."
    prompt(box, program, page(box, "Guide", guide, *RULES))
    document(box, rfcs)
    said = f"The guide says “{guide}”; this says neither."
    model.think = lambda _document, _turn: [comment("B1", "What may", said), finish("Say both.")]
    program.sweep()
    assert any(guide in plain(one) for one in posted(box))
