"""A person's "done" and a question: recognised in many languages, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.phrases import asks, is_claim, says_done


DONE = (
    *("I fixed it", "done, see section 3", "I changed it.", "Updated the paragraph"),
    *("Thanks - fixed in section 3, please check the rest", "I have now added the owner"),
    *("Habe ich geändert", "C'est corrigé", "J'ai changé le nombre", "Corregido en la sección 3"),
    *("I updated the document", "fixed the current event, please look again", "No longer removed"),
    *("See https://a.example/p?id=3, updated",),
    *("Corrigido na seção 3", "Ho corretto il numero", "Aangepast in sectie 2", "исправил"),
    *("Poprawione w sekcji 3", "已修改,请看", "修正しました。", "수정했습니다"),
)  # fmt: skip
NOT_DONE = (
    *("Is it fixed?", "not done yet", "I will have it fixed", "Why is this changed", "no"),
    *("When will it be fixed", "It must be updated", "to be added", "thanks", "No change needed"),
    *("Please add what was removed", "You'll see it fixed", "It is fixed when Ben is back"),
    *("It hasn't been updated", "wird noch geändert", "не исправлено", ""),
)  # fmt: skip
ASKING = (
    *("Why?", "why this number", "ok, how do you mean", "warum", "Will it hold", "So what is it"),
    *("Has anyone tried", "See https://a.example/p?id=3?", "これは何ですか？", "are you sure"),  # noqa: RUF001 - as typed
)  # fmt: skip
NOT_ASKING = (
    *("See https://a.example/p?id=3", "is intentional", "Whether it holds is open", "", "done"),
    *("This will do", "It has anyone's name on it"),
)  # fmt: skip


@pytest.mark.parametrize("text", DONE)
def test_a_claim_is_recognised(text: str) -> None:
    assert is_claim(text)


@pytest.mark.parametrize("text", NOT_DONE)
def test_what_is_to_come_is_no_claim(text: str) -> None:
    assert not is_claim(text)


@given(st.sampled_from(DONE), st.sampled_from("?？؟"))  # noqa: RUF001 - other scripts'
def test_with_a_question_mark_a_claim_is_a_question_that_says_done(text: str, mark: str) -> None:
    assert not is_claim(text + mark)
    assert says_done(text + mark)


@pytest.mark.parametrize("text", ASKING)
def test_a_question_is_recognised(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", NOT_ASKING)
def test_what_asks_nothing_is_no_question(text: str) -> None:
    assert not asks(text)
