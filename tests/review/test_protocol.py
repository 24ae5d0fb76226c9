"""Calls and thinking in a model's text, in the forms of the public model families."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.review.protocol import UNREADABLE, spoken, without_thinking, written_calls


OFFERED = ("comment", "finish")
GIVEN = {"block": "B1", "text": "Why [this] </s> {now}?\nSay so."}
A = json.dumps(GIVEN)
PYTHON = f"comment(block={GIVEN['block']!r}, text={GIVEN['text']!r})"
BAR, UNDER = "\uff5c", "\u2581"
NAMED = {
    "Hermes, Qwen": f'<tool_call>\n{{"name": "comment", "arguments": {A}}}\n</tool_call>',
    "without an end": f'<tool_call>{{"name": "comment", "arguments": {A}}}',
    "bare": f'{{"name": "comment", "arguments": {A}}}',
    "Llama 3, bare": f'{{"name": "comment", "parameters": {A}}}',
    "arguments as text": json.dumps({"name": "comment", "arguments": A}),
    "a list": f'[{{"name": "comment", "arguments": {A}}}]',
    "in a fence": f'Here it is:\n```json\n{{"name": "comment", "arguments": {A}}}\n```',
    "after words": f'I comment.\n\n{{"name": "comment", "arguments": {A}}}',
    "OpenAI's message": json.dumps(
        {"tool_calls": [{"id": "c", "function": {"name": "comment", "arguments": A}}]}
    ),
    "Mistral": f'[TOOL_CALLS][{{"name": "comment", "arguments": {A}}}]',
    "Mistral, newer": f"[TOOL_CALLS]comment{A}",
    "Mistral, newest": f"[TOOL_CALLS]comment[CALL_ID]123456789[ARGS]{A}",
    "Llama 3.1": f"<function=comment>{A}</function>",
    "Llama 3, tag": f'<|python_tag|>{{"name": "comment", "parameters": {A}}}<|eom_id|>',
    "Granite, Phi-4": f'<|tool_call|>[{{"name": "comment", "arguments": {A}}}]<|/tool_call|>',
    "functools": f'functools[{{"name": "comment", "arguments": {A}}}]',
    "InternLM": f'<|action_start|><|plugin|>{{"name": "comment", "parameters": {A}}}<|action_end|>',
    "DeepSeek V3": (
        f"<{BAR}tool{UNDER}calls{UNDER}begin{BAR}><{BAR}tool{UNDER}call{UNDER}begin{BAR}>function"
        f"<{BAR}tool{UNDER}sep{BAR}>comment\n```json\n{A}\n```<{BAR}tool{UNDER}call{UNDER}end{BAR}>"
        f"<{BAR}tool{UNDER}calls{UNDER}end{BAR}>"
    ),
    "DeepSeek V3.1": (
        f"<{BAR}tool{UNDER}calls{UNDER}begin{BAR}><{BAR}tool{UNDER}call{UNDER}begin{BAR}>comment"
        f"<{BAR}tool{UNDER}sep{BAR}>{A}<{BAR}tool{UNDER}call{UNDER}end{BAR}>"
        f"<{BAR}tool{UNDER}calls{UNDER}end{BAR}>"
    ),
    "Kimi": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.comment:0"
        f"<|tool_call_argument_begin|>{A}<|tool_call_end|><|tool_calls_section_end|>"
    ),
    "gpt-oss": (
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
        f"to=functions.comment <|constrain|>json<|message|>{A}<|call|>"
    ),
    "Qwen3-Coder": (
        "<tool_call>\n<function=comment>\n<parameter=block>\nB1\n</parameter>\n"
        f"<parameter=text>\n{GIVEN['text']}\n</parameter>\n</function>\n</tool_call>"
    ),
    "XML": (
        '<function_calls>\n<invoke name="comment">\n<parameter name="block">B1</parameter>\n'
        f'<parameter name="text">{GIVEN["text"]}</parameter>\n</invoke>\n</function_calls>'
    ),
    "DeepSeek V3.2": (
        f'<{BAR}DSML{BAR}function_calls>\n<{BAR}DSML{BAR}invoke name="comment">\n'
        f'<{BAR}DSML{BAR}parameter name="block" string="true">B1</{BAR}DSML{BAR}parameter>\n'
        f'<{BAR}DSML{BAR}parameter name="text" string="true">{GIVEN["text"]}'
        f"</{BAR}DSML{BAR}parameter>\n</{BAR}DSML{BAR}invoke>\n</{BAR}DSML{BAR}function_calls>"
    ),
    "GLM": (
        "<tool_call>comment\n<arg_key>block</arg_key>\n<arg_value>B1</arg_value>\n"
        f"<arg_key>text</arg_key>\n<arg_value>{GIVEN['text']}</arg_value>\n</tool_call>"
    ),
    "Llama 4": f"[{PYTHON}]",
    "Llama 4, tags": f"<|python_start|>[{PYTHON}]<|python_end|>",
    "Olmo": f"<function_calls>\n{PYTHON}\n</function_calls>",
    "LFM2": f"<|tool_call_start|>[{PYTHON}]<|tool_call_end|>",
    "Gemma 3": f"```tool_code\nprint(default_api.{PYTHON})\n```",
    "Gemma 3, a list": f"I comment.\n```tool_code\n[{PYTHON}]\n```",
    "Python alone": PYTHON,
    "FunctionGemma": (
        "<start_function_call>call:comment{block:<escape>B1<escape>,"
        f"text:<escape>{GIVEN['text']}<escape>}}<end_function_call>"
    ),
    "Gemma 4": (
        f'<|tool_call>call:comment{{block:<|"|>B1<|"|>,text:<|"|>{GIVEN["text"]}<|"|>}}<tool_call|>'
    ),
    "Command": (
        f'<|START_ACTION|>[{{"tool_call_id": "0", "tool_name": "comment", "parameters": {A}}}]'
        "<|END_ACTION|>"
    ),
    "Apertus": f'<|tools_prefix|>[{{"comment": {A}}}]<|tools_suffix|>',
    "Nemotron": f'<TOOLCALL>[{{"name": "comment", "arguments": {A}}}]</TOOLCALL>',
    "LongCat": f'<longcat_tool_call>{{"name": "comment", "arguments": {A}}}</longcat_tool_call>',
    "MiniMax": (
        '<minimax:tool_call>\n<invoke name="comment">\n<parameter name="block">B1</parameter>\n'
        f'<parameter name="text">{GIVEN["text"]}</parameter>\n</invoke>\n</minimax:tool_call>'
    ),
    "Seed": (
        "<seed:tool_call>\n<function=comment>\n<parameter=block>B1</parameter>\n"
        f"<parameter=text>{GIVEN['text']}</parameter>\n</function>\n</seed:tool_call>"
    ),
    "Step": (
        f"<{BAR}tool_calls_begin{BAR}><{BAR}tool_call_begin{BAR}>function<{BAR}tool_sep{BAR}>"
        '<steptml:invoke name="comment"><steptml:parameter name="block">B1</steptml:parameter>'
        f'<steptml:parameter name="text">{GIVEN["text"]}</steptml:parameter></steptml:invoke>'
        f"<{BAR}tool_call_end{BAR}><{BAR}tool_calls_end{BAR}>"
    ),
    "gpt-oss, the name first": (
        f"<|start|>assistant to=functions.comment<|channel|>commentary json<|message|>{A}<|call|>"
    ),
    "ReAct": f"Action: comment\nAction Input: {A}",
    "GLM 4": f"comment\n{A}",
    "a tag of its own": f"<comment>{A}</comment>",
}


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_call_is_read_in_every_dress_and_is_no_words(text: str) -> None:
    [call] = written_calls(text, OFFERED)
    assert (call.name, call.arguments, call.problem) == ("comment", GIVEN, "")
    assert spoken(text, OFFERED) in ("", "Here it is:", "I comment.")


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_call_in_a_thought_is_not_made(text: str) -> None:
    thought = f"<think>I could write {text}</think>All is well."
    assert written_calls(thought, OFFERED) == []
    assert spoken(thought, OFFERED) == "All is well."


def test_several_calls_are_read_in_their_order() -> None:
    one, two = ('{"name": "%s", "arguments": {}}' % name for name in OFFERED)  # noqa: UP031
    for text in (
        f"<tool_call>{one}</tool_call>\n<tool_call>{two}</tool_call>",
        f"[TOOL_CALLS][{one}, {two}]",
        f"{one}\n{two}",
        "[TOOL_CALLS]comment{}[TOOL_CALLS]finish{}",
        "[comment(), finish()]",
        "comment()\nfinish()",
        "<function_calls>\ncomment()\nfinish()\n</function_calls>",
        "comment\n{}\nfinish\n{}",
    ):
        assert [call.name for call in written_calls(text, OFFERED)] == ["comment", "finish"]


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "comment", "arguments": {"block": }</tool_call>',
        "<tool_call>comment on B1, please</tool_call>",
        "<|python_tag|>comment(",
        '[TOOL_CALLS][{"name": "comment", "argu',
    ],
)
def test_what_has_the_marks_of_a_call_and_cannot_be_read_is_answered(text: str) -> None:
    [call] = written_calls(text, OFFERED)
    assert (call.name, call.problem) == ("unknown", UNREADABLE)
    assert spoken(text, OFFERED) == ""


def test_a_call_of_another_tool_is_a_call_where_nothing_else_is_said() -> None:
    text = '{"name": "search", "arguments": {}}'
    assert [call.name for call in written_calls(text, OFFERED)] == ["search"]
    assert written_calls(f"The API takes {text} for a search.", OFFERED) == []


WORDS = [
    "The delivery promise does not hold.",
    "Say what `<tool_call>` does, and when `</think>` ends a thought.",
    "```\n<think>not mine</think>\n```\nThe example above is wrong.",
    'The body `{"name": "queue"}` has no owner.',
    '{"size": 3}',
    "Use [comment] and (finish).",
    "a < b, c > d, x|y",
    "The analysis of the assistant final report is missing.",
    "The client calls comment(block) and then finish().",
    "Say which answer, <answer> or <response>, counts.",
    'Queues\n{"size": 3}',
]


@pytest.mark.parametrize("words", WORDS)
def test_words_for_people_stay_as_they_are(words: str) -> None:
    assert written_calls(words, OFFERED) == []
    assert spoken(words, OFFERED) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<think>Hm.</think>Good.", "Good."),
        ("Okay, the user wants me to review this.\n</think>\n\nGood.", "Good."),
        ("<think>One.</think>No.<think>Two.</think>Good.", "Good."),
        ("<thinking>Hm.</thinking>\nGood.", "Good."),
        ("<THINK>Hm.</THINK>Good.", "Good."),
        ("[THINK]Hm.[/THINK]Good.", "Good."),
        ("◁think▷Hm.◁/think▷Good.", "Good."),
        ("<seed:think>Hm.</seed:think>Good.", "Good."),
        ("Good.<think>And then", "Good."),
        ("<think>Hm, and", ""),
        ("<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>Good.", "Good."),
        ("<|channel|>analysis<|message|>Hm, and", ""),
        ("Good.<|im_end|>", "Good."),
        ("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Good.<|END_RESPONSE|>", "Good."),
        ("<|inner_prefix|>Hm.<|inner_suffix|>Good.", "Good."),
        ("<|channel>thought\nHm.<channel|>Good.", "Good."),
        ("Here is my thought process: Hm. Here is my response: Good.", "Good."),
        ("analysisHm.assistantfinalGood.", "Good."),
        ("<think>Hm.</think><answer>Good.</answer>", "Good."),
        ("<think>Hm.</think>\n\n<response>\nGood.\n</response>", "Good."),
        ("<scratchpad>Hm.</scratchpad>Good.", "Good."),
        ("<|im_start|>assistant\nGood.<|im_end|>", "Good."),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nGood.<|eot_id|>", "Good."),
        ("assistant\n\nGood.", "Good."),
        ("Good.<end_of_turn>", "Good."),
        ("Good.</s>", "Good."),
    ],
)
def test_of_thinking_only_what_follows_its_last_end_counts(text: str, words: str) -> None:
    assert spoken(text) == words


@given(st.text(alphabet='<>/|thinkTOOL_CALS[]{}":,`a \n', max_size=60))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert len(spoken(text, OFFERED)) <= len(text)
    assert len(without_thinking(text)) <= len(text)
    assert all(call.name for call in written_calls(text, OFFERED))


@pytest.mark.parametrize("sign", ["[", "{", '{"a":', "<think>", "<tool_call>", "`", " ", "[1,"])
def test_a_wall_of_signs_is_read_within_its_bounds(sign: str) -> None:
    assert len(written_calls(sign * 20_000, OFFERED)) <= 1


# Each begins another form; read with a regular expression that goes back, any takes for ever.
BEGINNINGS = [
    *("x \n", "x[\n", "<|tool_", "x```", "x<a>", "Action: ", "comment(", "comment\n"),
    *("call:comment{", "call:a{b:<escape>c", "[comment(a=1),\n", "[TOOL_CALLS]comment"),
    *("<tool_call>a<arg_key>", "<tool_call>a<arg_key>b</arg_key><arg_value>"),
    *("<parameter=a>", "<function=a><parameter=b>", '<invoke name="a">', "<|channel|>analysis"),
    *("<answer>", "analysis", "to=functions.comment", "assistant\n"),
]


@pytest.mark.parametrize("sign", BEGINNINGS)
def test_a_wall_of_beginnings_is_read_and_makes_no_call_of_an_offered_tool(sign: str) -> None:
    text = sign * (50_000 // len(sign))
    assert not [call for call in written_calls(text, OFFERED) if call.name in OFFERED]
    assert len(spoken(text, OFFERED)) <= len(text)
