"""What the reviewer is asked for in other words than its own, in the languages people write."""

from __future__ import annotations

import pytest

from daemon.sweep.conversation.commands import Command, command_in, command_in_words


REVIEW = (
    *("please review this page", "Can you review this page?", "Could you please read this RFC?"),
    *("Hi! Please review this document.", "review this page for security", "Please review again"),
    *("Please take another look at this page", "Run another review, please", "re-review"),
    *("I fixed all of it. Please review again, thanks!", "Done. Please review this page again."),
    *("Kannst du diese Seite bitte prüfen?", "Bitte prüfe diese Seite noch einmal"),
    *("bitte nochmal prüfen", "Peux-tu relire cette page ?", "Relisez cette page, s'il vous plaît"),
    *("¿Puedes revisar esta página?", "Vuelve a revisar", "Por favor revise esta página de novo"),
    *("Puoi controllare questa pagina?", "Bekijk deze pagina opnieuw"),
    "Sprawdź tę stronę ponownie",
    *("Проверьте эту страницу, пожалуйста", "посмотри ещё раз", "请审阅这个页面"),
    *("このページをレビューしてください", "이 페이지를 검토해 주세요"),
)  # fmt: skip
REVIEW_BY_NAME = ("review", "check this", "have a look", "take another look, please", "look again")
PAUSE = (
    *("please pause this page", "please pause", "pause please", "Could you pause for a day?"),
    *("stop commenting on this page", "don't review this page", "Leave this page alone, please"),
    *("Bitte pausiere diese Seite", "Lass diese Seite in Ruhe", "Mets cette page en pause"),
    *("deja de comentar", "nie komentuj"),
    "Не комментируй эту страницу",  # noqa: RUF001 - as typed
)
RESUME = ("please resume", "unpause this page", "start reviewing again", "Mach weiter", "Reprends")
HELP = (
    "Help me, please",
    "What can you do?",
    "Which commands are there?",
    "Bitte hilf mir",
    "¿Ayuda?",
)
WHY = ("When?", "when will you review this page?", "Why is it still waiting?", "Wann?")
MORE = ("show me the rest", "Could you post the other points?", "More, please", "Zeig mir den Rest")
NOTHING = (
    *("When will this ship?", "Why is the queue waiting?", "When in doubt, ask Ben"),
    *("What can we do about it?", "How does this help?", "Help Ben with row two", "help wanted"),
    "Which words are meant in row two?",
    *("Which queue?", "@Ana Costa please review this page"),
    *("What would a review of this page cost?", "Who will review this page?", "stop", "retry"),
    *("Did you review this page?", "Check the text of row two"),
    *("We pause this process for an hour", "More detail in section 3"),
    *("The page says to pause the queue", "Pause this job when the queue is full", "thanks"),
    "Could you do a review again here? I still want the estimate.",
    *("fixed, and the guide names it", "I resume the old queue in step 3"),
    *("", "No", "not needed", "Ben will review the page on Monday"),
)  # fmt: skip


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize(
    ("text", "word"),
    [
        *((text, Command.REVIEW_AGAIN) for text in REVIEW),
        *((text, Command.PAUSE) for text in PAUSE),
        *((text, Command.RESUME) for text in RESUME),
        *((text, Command.MORE) for text in MORE),
        *((text, Command.WHY) for text in WHY),
        *((text, Command.HELP) for text in HELP),
        *((text, None) for text in NOTHING),
    ],
)
def test_what_is_asked_for_in_other_words(text: str, word: Command | None, *, called: bool) -> None:
    assert command_in(text) is None
    assert command_in_words(text, called=called) is word


@pytest.mark.parametrize("text", REVIEW_BY_NAME)
def test_what_may_be_about_one_point_asks_for_a_review_only_with_the_reviewers_name(
    text: str,
) -> None:
    assert command_in_words(text, called=True) is Command.REVIEW_AGAIN
    assert command_in_words(text, called=False) is None


def test_a_question_beside_the_request_is_answered_and_not_lost() -> None:
    assert command_in_words("Please review this page. Which queue is it", called=True) is None


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "Could you do a review again once I am through with it?",
        *("Please review this page when the numbers are in", "Please review this page tomorrow"),
        *("Review again, please, as soon as Ben is back", "run another review later, please"),
        *("Bitte prüfe diese Seite, sobald sie fertig ist", "Relisez cette page demain"),
    ],
)
def test_a_review_that_is_asked_for_later_is_none_for_now(text: str, *, called: bool) -> None:
    assert command_in_words(text, called=called) is None


@pytest.mark.parametrize(
    "text", ["Please review this page when you have time", "I fixed it after lunch. Review again."]
)
def test_a_review_at_the_reviewers_leisure_is_one_for_now(text: str) -> None:
    assert command_in_words(text, called=True) is Command.REVIEW_AGAIN


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("please pause this page, we rewrite the design until Friday", Command.PAUSE),
        ("Resume this page. The design is rewritten and stands below.", Command.RESUME),
        ("please pause this page, or is there a better word?", None),
        ("We rewrite the design, please pause this page", None),
        ("Please pause this page. No, we won't do that.", None),
        ("please review this page, we meet on Friday", None),
    ],
)
def test_a_reason_may_follow_a_plain_request_that_is_answered_with_the_word(
    text: str, word: Command | None
) -> None:
    assert command_in_words(text, called=False) is word


@pytest.mark.parametrize(
    "text", ["The owner of the old page said: review this page", "Ana, please review this page"]
)
def test_where_the_reviewer_is_not_called_a_request_must_be_all_that_is_said(text: str) -> None:
    assert command_in_words(text, called=False) is None
