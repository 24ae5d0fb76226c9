"""F8: thanks, done and an emoji want no answer; a question or a claim does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sweep.conversation.acknowledgement import is_acknowledgement


ACKNOWLEDGED = (
    "thanks",
    "Thanks!",
    "THANKS",
    "thank you so much",
    "Thanks Ana",
    "Thanks Ana Costa!",
    "thanks all",
    "@Ana Costa thanks",
    "thanks @ben",
    "@Ana Thanks!",
    "@ben.smith done",
    "Thanks for the review",
    "thanks for pointing that out!",
    "Done.",
    "done ✅",
    "Fixed, thanks!",
    "Good catch - fixed",
    "good catch — will do",
    "Good point. Will fix.",
    "ok",
    "OK, got it",
    "LGTM 🚀",
    "+1",
    "👍",
    "👍🏽🎉",
    ":tada:",
    ":custom-emoji: thanks",
    "…",
    "",
    "Agreed",
    "makes sense",
    "no worries",
    "Danke!",
    "Vielen Dank, erledigt",
    "Danke für den Hinweis!",
    "dankeschön",
    "Merci beaucoup",
    "C'est fait",
    "C’est fait, merci",  # noqa: RUF001 - as typed
    "¡Gracias!",
    "Sí, de acuerdo",
    "Muito obrigado",
    "Grazie mille",
    "Dank je wel",
    "Tack så mycket",
    "Dziękuję, zrobione",
    "Děkuji",
    "Спасибо, исправлено",
    "Дякую",
    "Ευχαριστώ",
    "Teşekkürler, anladım",  # noqa: RUF001 - as typed
    "ありがとうございます！",  # noqa: RUF001 - as typed
    "ありがとう、修正しました。",
    "了解です",
    "谢谢，已修复",  # noqa: RUF001 - as typed
    "好的",
    "감사합니다",
    "شكرا",
    "תודה",
    "धन्यवाद",
    "ขอบคุณครับ",
)
WANTING = (
    "thanks, but why?",
    "thanks, but no",
    "Thanks but I disagree",
    "Thanks, but section 3 says otherwise",
    "thanks - fixed in section 3, please check",
    "Done, see the new paragraph",
    "Done? Which part",
    "done ❓",
    "fixed⁇",
    "ok so what now",
    "ok, no",
    "No",
    "nope",
    "-1",
    "−1",  # noqa: RUF001 - as typed
    "won't do",
    "not done",
    "It is not fixed",
    "thanks no",
    "THANKS NO",
    "@Ana No",
    "@Ana Costa No.",
    "@Ana Rollback",
    "Thanks Why",
    "thanks for nothing, this is wrong",
    "thank you for explaining, can you also check the rollback",
    "good catch, how would you phrase it",
    "yes but only for EU users",
    "👍 but the date is wrong",
    "I agree with Ben, so who decides",
    "could you look at this again",
    "same for the other table",
    "noted. What about the cache",
    "Danke, aber das stimmt nicht",
    "Danke, warum",
    "Danke nein",
    "Merci, mais pourquoi",
    "Gracias, pero no entiendo",
    "¿Hecho?",
    "Спасибо, но почему",
    "это неверно",
    "Γιατί",
    "なぜですか",
    "ありがとう、でも間違っています",
    "谢谢，但是这个不对",  # noqa: RUF001 - as typed
    "为什么",
    "감사합니다만 왜요",
    "لماذا",
    "شكرا؟",
    "למה",
    "क्यों",
    "ทำไม",
)


@pytest.mark.parametrize("text", ACKNOWLEDGED)
def test_f8_an_acknowledgement_wants_no_answer(text: str) -> None:
    assert is_acknowledgement(text)


@pytest.mark.parametrize("text", WANTING)
def test_f8_a_question_or_a_claim_is_no_acknowledgement_though_it_holds_thanks(text: str) -> None:
    assert not is_acknowledgement(text)


@given(st.sampled_from(ACKNOWLEDGED), st.sampled_from(WANTING), st.sampled_from([". ", "\n", ", "]))
def test_thanks_before_or_after_a_question_change_nothing(ack: str, want: str, gap: str) -> None:
    assert not is_acknowledgement(f"{ack}{gap}{want}")
    assert not is_acknowledgement(f"{want}{gap}{ack}")


@given(st.text(), st.sampled_from("?\uff1f\u061f\u2753\u2754\u00bf\u037e\u055e"))
def test_a_text_with_a_question_mark_never_acknowledges(text: str, mark: str) -> None:
    assert not is_acknowledgement(text + mark)


@given(st.lists(st.sampled_from(["👍", "🎉", "❤️", "🙏🏽", " ", ":+1:", "!", "\n"])).map("".join))
def test_emoji_alone_want_no_answer(text: str) -> None:
    assert is_acknowledgement(text)


@given(
    st.lists(st.sampled_from(["deploy", "region", "latency", "budget"]), min_size=1, max_size=30)
)
def test_words_about_the_matter_want_an_answer(words: list[str]) -> None:
    assert not is_acknowledgement(" ".join(words))
