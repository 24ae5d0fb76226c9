"""A person's "no" and a person's "done": recognised in many languages, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sweep.conversation.acknowledgement import is_acknowledgement
from daemon.sweep.conversation.claim import is_claim
from daemon.sweep.conversation.dismissal import is_bare, is_dismissal


NO = (
    *("No", "no.", "NO!!!", "Nope!", "nah", "no thanks", "No, thank you.", "Thanks, but no"),
    *("won't do", "Won\u2019t fix", "wontfix", "We won't do that", "Sorry, we won't change this"),
    *("I disagree", "I disagree: the number is fine.", "Disagree, two rows are enough", "-1", "👎"),
    *("not needed", "This is not needed here.", "no need, the guide covers it", "Not an issue."),
    *("That's out of scope for v1.", "This is by design", "It is intentional.", "False positive."),
    *("No, because we only have one region.", "no because it's one region", "No. It is whole."),
    *("True, but out of scope", "Good point but intentional", "keep as is", "It stays as is"),
    *("We decided against that in March.", "Won't do this now; the guide covers it."),
    *("nein", "Nein, danke", "Das ist so gewollt.", "Absicht", "nicht nötig", "Sehe ich anders."),
    *("Non, c'est voulu", "pas d'accord", "Pas besoin.", "No hace falta", "no estoy de acuerdo"),
    *("Não precisa", "Discordo.", "Non sono d'accordo", "niet nodig", "Nee, bewust zo."),
    *("Nie zgadzam się", "nesouhlasím", "не согласен", "Нет", "не нужно", "Так задумано."),
    *("いいえ", "必要ありません", "不需要", "不同意", "필요 없습니다", "kat\u0131lm\u0131yorum"),
)  # fmt: skip
NOT_NO = (
    *("No, because of X? What do you mean", "No?", "Is this intentional?", "do you disagree"),
    *("Yes and no", "no problem", "No problem, will fix", "not sure", "no idea", "Not all are"),
    *("No longer true, I changed it", "I fixed it, no more TODO", "Not needed now, I removed it"),
    *("yes", "thanks", "ok", "Done", "I don't disagree", "It is not out of scope"),
    *("You are right, no objection", "No, I was wrong, you are right", "please explain"),
    *("If this is not needed, I will remove it", "The node count is 3", "Nobody knows"),
    *("Notes are in section 3", "Now it says three", "None of the carriers", "Note the two rows"),
    *("I will fix it", "Ben, which one", "", "…", "👍", "@Ana no idea"),
)  # fmt: skip
DONE = (
    *("I fixed it", "done, see section 3", "I changed it.", "Updated the paragraph"),
    *("Thanks - fixed in section 3, please check the rest", "I have now added the owner"),
    *("Habe ich geändert", "C'est corrigé", "J'ai changé le nombre", "Corregido en la sección 3"),
    *("Corrigido na seção 3", "Ho corretto il numero", "Aangepast in sectie 2", "исправил"),
    *("Poprawione w sekcji 3", "已修改,请看", "修正しました。", "수정했습니다"),
)  # fmt: skip
NOT_DONE = (
    *("Is it fixed?", "not done yet", "I will have it fixed", "Why is this changed", "no"),
    *("When will it be fixed", "It must be updated", "to be added", "thanks", "No change needed"),
    *("It hasn't been updated", "wird noch geändert", "не исправлено", ""),
)  # fmt: skip


@pytest.mark.parametrize("text", NO)
def test_a_no_is_recognised(text: str) -> None:
    assert is_dismissal(text)
    assert not is_acknowledgement(text) or text == "👎"


@pytest.mark.parametrize("text", NOT_NO)
def test_what_asks_agrees_or_claims_is_no_no(text: str) -> None:
    assert not is_dismissal(text)


@pytest.mark.parametrize("text", ["no", "Nope.", "nein danke", "No, no!", "нет", "不要"])
def test_a_bare_no_says_nothing_else(text: str) -> None:
    assert is_bare(text)


@pytest.mark.parametrize("text", ["", "No, two regions.", "no?", "thanks", "👍", "not needed here"])
def test_what_says_more_than_no_is_not_bare(text: str) -> None:
    assert not is_bare(text)


@pytest.mark.parametrize("text", DONE)
def test_a_claim_is_recognised(text: str) -> None:
    assert is_claim(text)
    assert not is_dismissal(text)


@pytest.mark.parametrize("text", NOT_DONE)
def test_what_is_to_come_is_no_claim(text: str) -> None:
    assert not is_claim(text)


@given(st.sampled_from(NO + DONE), st.sampled_from("?？؟"))  # noqa: RUF001 - other scripts'
def test_with_a_question_mark_everything_is_a_question(text: str, mark: str) -> None:
    assert not is_dismissal(text + mark)
    assert not is_claim(text + mark)


@given(
    st.sampled_from([one for one in NO if one.isascii()]),
    st.sampled_from([str.upper, str.title, str.lower]),
    st.sampled_from(["", " ", "\n"]),
    st.sampled_from(["", ".", "!", " 🙂", "\n"]),
)
def test_capitals_and_what_stands_around_do_not_matter(
    text: str, cased: object, before: str, after: str
) -> None:
    assert is_dismissal(f"{before}{cased(text)}{after}")  # type: ignore[operator]


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert not (is_dismissal(text) and is_claim(text))
