"""The status comment of a prompt page: its words, and that it stands once, whenever we die."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.config import Config
from daemon.domain.errors import ModelsDown
from daemon.domain.events import PLAIN, Alert
from daemon.domain.records import PromptStatus, Trial, TrialState, TriedPoint
from daemon.domain.values import Finding, Outcome, Prompt, Review, Severity, Usage
from daemon.sandbox import blocks
from daemon.store import pages, prompts
from daemon.store.views import reporting
from daemon.sweep.context import Target
from daemon.sweep.delivery import status, trial
from support.dying import dying_at
from support.scene import TEXTS, Scene, play


BLOCKING, IMPORTANT, MINOR = Severity
AT = datetime(2026, 11, 20, 10, 41, 7, tzinfo=UTC)
DONE = Trial(None, TrialState.DONE, documents=3, cost_usd=0.404)
HOUR = timedelta(hours=1)


def point(before: Severity | None, after: Severity | None, title: str) -> TriedPoint:
    return TriedPoint(title, "1", "Queues", "https://www.notion.so/1", before, after)


def told(trial: Trial | None) -> str:
    prompt = Prompt("RFC reviewer", "Be strict.", "p")
    return status.words(PromptStatus(prompt, "v2", AT, AT, trial), {"RFCs": "v2", "ADRs": "v2"})


NOTHING = reporting.Week(0, 0, 0, 0, 0, 0, 0.0)
NOBODY = reporting.ForPeople(0, 0, None, 0, None)


@pytest.mark.parametrize(
    ("done", "waiting", "said"),
    [
        (NOTHING, NOBODY, ["nothing was reviewed.", ""]),
        (reporting.Week(1, 0, 0, 0, 0, 0, 0.0), NOBODY, ["1 review, 0 points; $0.00.", ""]),
        (
            reporting.Week(12, 31, 9, 1, 2, 4, 3.456),
            reporting.ForPeople(5, 2, AT, 1, AT),
            [
                (
                    "12 reviews, 31 points; 9 points addressed, 1 point declined, 2 threads closed "
                    "by people; 4 questions answered; $3.46."
                ),
                (
                    "**Waiting for people:** 5 open points, 2 of them blocking, since 2026-11-20; "
                    "1 review to approve, since 2026-11-20."
                ),
            ],
        ),
    ],
)
def test_the_week_is_said_in_a_line_and_what_waits_in_another(
    done: reporting.Week, waiting: reporting.ForPeople, said: list[str]
) -> None:
    assert [status.in_words(done), status.waiting_in_words(waiting)] == said


def test_every_alert_has_plain_words_that_name_no_command() -> None:
    assert set(PLAIN) == set(Alert)
    assert not [words for words in PLAIN.values() if "notion-review" in words or "`" in words]


def test_the_words_name_a_few_points_of_each_kind_and_count_the_others() -> None:
    points = tuple(point(None, MINOR, f"Point *{number}*") for number in range(7))
    lines = told(replace(DONE, points=points)).splitlines()
    assert lines[0] == "In use since 2026-11-20 10:41 UTC: version `v2`."
    listed = [line for line in lines if line.startswith("- ")]
    assert listed[0] == r"- new: “Point \*0\*” (minor), in [Queues](https://www.notion.so/1)"
    assert (len(listed), listed[-1]) == (6, "- new: 2 more")


def test_the_words_say_why_there_is_less_to_tell() -> None:
    assert told(None) == "In use since 2026-11-20 10:41 UTC: version `v2`."
    none = told(Trial(None, TrialState.DONE, why="it was interrupted"))
    assert none.endswith("It was not tried: it was interrupted.")
    some = told(replace(DONE, documents=1, why="`limits.cost_per_page` allows no more"))
    assert some.endswith("$0.40.**\n\n`limits.cost_per_page` allows no more.")
    assert "I am trying it" in told(Trial(Prompt("a", "b", "c")))


class Tried:
    """A prompt page in a scene, and a model that finds something else under each version."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene = scene
        text = [blocks.paragraph("Be strict.")]
        self.page = scene.world.page(None, "RFC reviewer", text).id
        self.asked: list[str] = []
        self.fails = False
        pages.save(scene.state, [replace(scene.page, reviewed_at=scene.box.clock())])
        database: dict[str, Any] = {"id": scene.rfcs.id, "prompt": self.page, "trial": 1}
        self.config = Config.model_validate({"databases": [database]})
        self.target = Target(self.config.databases[0], "RFCs", ("m",))
        monkeypatch.setattr(trial, "run_review", self._review)

    async def _review(self, context: Any, session: Any) -> Review:
        assert context.payer == self.page
        self.asked.append(session.prompt.text)
        await self.scene.context.notion.page(self.page)  # as a model, it takes its time
        if self.fails:
            raise ModelsDown("they rest")
        block = session.snapshot.blocks[0]
        title = f"As “{session.prompt.text}” has it"
        quote = TEXTS[0].split()[0] if "er" in session.prompt.text else TEXTS[0].split()[-1]
        finding = Finding(block.id, quote, session.prompt.text, MINOR, title=title)
        return Review(Outcome.DONE, (finding,), (), {}, "", (), "m", Usage())

    def says(self, text: str) -> None:
        """Let the prompt page be read anew, an hour after its edit."""
        now = self.scene.box.clock()
        prompts.save_prompt(
            self.scene.state, Prompt("RFC reviewer", text, self.page), now, now + HOUR
        )
        self.scene.box.clock.advance(HOUR)

    async def sweep(self) -> None:
        context = replace(
            self.scene.context, config=self.config, meter=SimpleNamespace(total=Usage())
        )
        await context.notion.page(self.page)  # so that the time is known
        await context.deliver(context, None)
        await status.post(context, self.page, [self.target])


@pytest.mark.parametrize("edit", ["", "Be stricter."], ids=["the first", "an edit"])
def test_whenever_we_die_the_comment_stands_once_and_says_what_is_in_use(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    def story(number: int) -> Any:
        async def tell(scene: Scene) -> bool:
            tried = Tried(scene, monkeypatch)
            tried.says("Be strict.")
            if edit:
                await tried.sweep()
                tried.says(edit)
            moment = "after" if number % 2 else "before"
            setattr(scene.transport, moment, dying_at(number // 2))
            died = await scene.deliver_until_killed(tried.sweep())
            scene.transport.before = scene.transport.after = lambda _: None
            for _ in range(2):
                scene.box.clock.advance(HOUR)
                await tried.sweep()
            (said,) = scene.texts
            version = prompts.status(scene.state, tried.page)
            assert version is not None
            assert f"version {version.version}." in said
            assert version.prompt.text == (edit or "Be strict.")
            assert set(scene.fates.values()) == {"posted"}
            assert not said.count("I am trying it")
            assert len(tried.asked) <= (2 if edit else 0), "it is tried once at most"
            if edit and not died:
                assert "1 new point, 1 gone; $0.00" in said
            return died

        return tell

    deaths = takewhile(bool, (play(tmp_path / f"{number}.db", story(number)) for number in count()))
    assert len(list(deaths)) >= (14 if edit else 8)


def test_an_outage_puts_a_trial_off_and_a_stop_too(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(scene: Scene) -> None:
        tried = Tried(scene, monkeypatch)
        tried.says("Be strict.")
        await tried.sweep()
        tried.says("Be stricter.")
        tried.fails = True
        await tried.sweep()
        assert "I am trying it" in scene.texts[0]
        tried.fails = False
        await tried.sweep()
        assert "1 new point, 1 gone" in scene.texts[0]
        assert tried.asked == ["Be strict.", "Be strict.", "Be stricter."]

    play(tmp_path / "s.db", tell)
