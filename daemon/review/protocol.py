"""A model's protocol in its text: thinking, and calls that its server did not take out.

Servers without a parser for their model hand its calls on as text. They are read here in the forms
of the public model families; what is left of a text is what its model said to people. Thinking and
protocol within Markdown code are quotations, so they stay.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any


UNREADABLE = (
    "Not run: this call was written as text. Make it a real tool call, with arguments that are "
    "one JSON object."
)
# What is looked at of one text; a model that writes more repeats itself.
CHARS = 200_000
CALLS = 64
VALUES = 500  # places in a text where JSON is looked for
PLACES = 8  # and where calls in Python's form are
LONGEST_TAG = 42

_CODE = re.compile(r"```.*?(?:```|\Z)|(?<!`)`[^`\n]+`(?!`)", re.DOTALL)
_THOUGHT = r"(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis)"
_THINKING_ENDS = re.compile(
    rf"</{_THOUGHT}>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<unused95>|<\|END_THINKING\|>"
    r"|<\|inner_suffix\|>|<channel\|>",
    re.IGNORECASE,
)
_THINKING_BEGINS = re.compile(
    rf"<{_THOUGHT}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<unused94>|<\|START_THINKING\|>"
    r"|<\|inner_prefix\|>|<\|channel>thought",
    re.IGNORECASE,
)
# Thoughts that no tag ends: those of Granite, and of gpt-oss where a server took its tokens out.
_STATED_THOUGHT = re.compile(
    r"\A\s*(?:Here(?: is|'s) my thought process:.*?Here(?: is|'s) my response:"
    r"|(?:assistant)?analysis.*?assistantfinal)",
    re.DOTALL,
)
_WRAPPED = re.compile(
    r"\A\s*<(answer|response|output|final(?:_answer)?)>(.*?)(?:</\1>\s*)?\Z", re.DOTALL
)
# gpt-oss: https://developers.openai.com/cookbook/articles/openai-harmony
_HARMONY_THOUGHT = re.compile(
    r"(?:<\|start\|>\s*assistant)?<\|channel\|>\s*analysis\b.*?(?:<\|end\|>|(?=<\|start\|>)|\Z)",
    re.DOTALL,
)
_HARMONY_CALL = (
    r"(?:<\|channel\|>\s*\w+\s+to=|<\|start\|>\s*\w+\s+to=[^<]*<\|channel\|>)"
    r"[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>.*?(?:<\|call\|>|<\|end\|>|\Z)"
)
_BAR = "[|\uff5c]"
_UNDER = "[_\u2581]"
# What families put before the names of their tags.
_OWN = rf"(?:{_BAR}DSML{_BAR}|\w{{1,20}}:)?"
_CALLS = r"(?:\w{1,20}[:_])?(?:tool_?calls?|function_?calls?)"
# A call with all that belongs to it; where its end is missing it goes on to the end of the text.
_REGIONS = re.compile(
    rf"{_HARMONY_CALL}"
    rf"|<{_CALLS}>.*?(?:</{_CALLS}>(?!\s*</{_CALLS}>)|\Z)"
    r"|<function=[\w.-]+>.*?(?:</function>|\Z)"
    rf"|<{_OWN}invoke\s+name=.*?(?:</{_OWN}invoke>|\Z)"
    r"|\[TOOL_CALLS\].*"
    r"|<start_function_call>.*?(?:<end_function_call>|\Z)"
    r"|<\|(?:tool|function|python_|action_start|START_ACTION)\w{0,40}(?<!_end)(?<!_suffix)\|?>"
    r".*?(?:<\|?\w{0,40}(?:_end|_suffix|END_ACTION)\|>|<(?:\|/)?tool_call\|>|\Z)"
    rf"|<{_BAR}tool{_UNDER}calls?{_UNDER}begin{_BAR}>"
    rf".*?(?:<{_BAR}tool{_UNDER}calls{_UNDER}end{_BAR}>|\Z)"
    rf"|<{_BAR}DSML{_BAR}.*"
    r"|functools\[\s*\{.*",
    re.DOTALL | re.IGNORECASE,
)
# Tokens of chat templates that a server forgot to take out.
_TOKENS = re.compile(
    r"<\|channel\|>\s*\w+\s*(?:<\|message\|>)?"
    r"|<(?:\|(?:start|im_start|start_header_id)\||start_of_turn)>"
    r"\s*(?:assistant|user|system|tool|model)?"
    r"|<\|?[A-Za-z]\w{1,40}\|>|<\|[A-Za-z]\w{1,40}>|<\uff5c[^<>\n]{1,40}\uff5c>|<end_of_turn>"
    rf"|</?(?:{_CALLS}|invoke|tool_response)>|\[/?(?:TOOL_(?:CALLS|RESULTS)|INST)\]"
    r"|\A\s*(?:<s>|assistant\n\n)|(?:</s>|<eos>)\s*\Z"
)
_NAME = r"[A-Za-z_][\w-]{0,63}"
# A name with its arguments after it, however the two are parted.
_NAMED = re.compile(
    rf"(?:<function=|\[TOOL_CALLS\]\s*|to=functions\.|functions\."
    rf"|<{_BAR}tool{_UNDER}call{_UNDER}begin{_BAR}>(?:function<{_BAR}tool{_UNDER}sep{_BAR}>)?)"
    rf"(?P<name>{_NAME})(?::\d+)?"
    rf"(?:>|\[CALL_ID\]\w*|\[ARGS\]|<{_BAR}tool{_UNDER}sep{_BAR}>|<\|tool_call_argument_begin\|>"
    r"|<\|channel\|>\s*\w+|<\|constrain\|>|<\|message\|>|```json|json|\s)*(?=\{)"
)
# The same without a mark, so it counts only for the tools that are offered.
_LOOSE = re.compile(
    rf"(?:^|<|Action:[ \t]*)(?P<name>{_NAME})(?:>|[ \t]*\n+Action Input:|:)?\s{{0,40}}(?=\{{)",
    re.MULTILINE,
)
_PYTHON = re.compile(
    r"(?:^|(?<=>))[ \t]{0,40}(?:\[\s{0,40})?(?:print\()?(?:\w{1,40}\.){0,2}"
    rf"(?P<name>{_NAME})\(",
    re.MULTILINE,
)
_XML = re.compile(
    rf"<{_OWN}(?:function=(?P<a>{_NAME})|invoke\s+name=[\"'](?P<b>{_NAME})[\"'])>"
    rf"(?P<body>.*?)(?:</{_OWN}(?:function|invoke)>|\Z)",
    re.DOTALL,
)
_XML_ARGUMENT = re.compile(
    rf"<{_OWN}parameter(?:=(?P<a>{_NAME})|\s+name=[\"'](?P<b>{_NAME})[\"'][^>]*)>"
    rf"(?P<value>.*?)(?:</{_OWN}parameter>|(?=<{_OWN}parameter[= ])|\Z)",
    re.DOTALL,
)
# GLM: https://docs.vllm.ai/en/latest/features/tool_calling.html
_GLM = re.compile(
    rf"<tool_call>\s*(?P<name>{_NAME})\s*(?P<body><arg_key>.*?)(?:</tool_call>|\Z)", re.DOTALL
)
_GLM_ARGUMENT = re.compile(
    r"<arg_key>(?P<key>[^<]*)</arg_key>\s*<arg_value>(?P<value>.*?)(?:</arg_value>|\Z)", re.DOTALL
)
# https://ai.google.dev/gemma/docs/functiongemma/formatting-and-best-practices, and Gemma 4
_GEMMA = re.compile(rf"call:(?P<name>{_NAME})\{{\s*")
_GEMMA_ARGUMENT = re.compile(
    r"(?P<key>\w{1,64}):(?:(?P<mark><escape>|<\|\"\|>)(?P<value>.*?)(?P=mark)|(?P<bare>[^,{}<]*))"
    r"\s*,?\s*",
    re.DOTALL,
)
_OPENER = re.compile(r"[{\[]")
_NAMES = ("name", "function", "tool", "tool_name")
_ARGUMENTS = ("arguments", "parameters", "input", "args", "tool_input")
_EMPTY_FENCE = re.compile(r"```\w*\s*```")
_READER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call that a model wrote as text; without a readable one `problem` says so."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def without_thinking(text: str) -> str:
    """Return what a model said after it had thought: what follows the last end of a thought."""
    text = _STATED_THOUGHT.sub("", text)
    shown = _masked(text, _CODE)
    ends = [*_THINKING_ENDS.finditer(shown)]
    if ends:
        text, shown = text[ends[-1].end() :], shown[ends[-1].end() :]
    if begin := _THINKING_BEGINS.search(shown):
        text, shown = text[: begin.start()], shown[: begin.start()]
    return _WRAPPED.sub(r"\2", _cut(text, _HARMONY_THOUGHT, shown)).strip()


def spoken(text: str, offered: Collection[str] = ()) -> str:
    """Return what of a model's text is meant for people; "" where it is protocol alone.

    Args:
        text: As the model wrote it.
        offered: The names of the tools: JSON that calls one of them is protocol.
    """
    text = without_thinking(text)
    text = _without_calls(_cut(text, _REGIONS, _masked(text, _CODE)), offered)
    return _cut(text, _TOKENS, _masked(text, _CODE)).strip()


def written_calls(text: str, offered: Collection[str]) -> list[WrittenCall]:
    """Return the calls in a text, in their order; [] where it is words for people.

    What has no marks counts as a call where it names an offered tool, JSON also where the text has
    nothing else. What has the marks of a call and cannot be read is one call with a `problem`.
    """
    text = without_thinking(text)[:CHARS]
    marked = _REGIONS.search(_masked(text, _CODE)) is not None
    found = _found(text, offered)
    calls = [call for call in found if call.name in offered]
    if calls or not (marked or _is_json_alone(text)):
        return calls[:CALLS]
    return found[:CALLS] or ([WrittenCall("unknown", problem=UNREADABLE)] if marked else [])


def _masked(text: str, pattern: re.Pattern[str]) -> str:
    """Return `text` with blanks for what `pattern` finds: of the same length."""
    return pattern.sub(lambda found: " " * len(found[0]), text)


def _cut(text: str, pattern: re.Pattern[str], shown: str) -> str:
    """Return `text` without the places where `pattern` is found in `shown`, its masked copy."""
    kept, at = [], 0
    for found in pattern.finditer(shown):
        kept.append(text[at : found.start()])
        at = found.end()
    return "".join((*kept, text[at:]))


def _found(text: str, offered: Collection[str]) -> list[WrittenCall]:
    """Return every call in a text, in the first form that it holds one in."""
    found = [*_of_marks(text)]
    for find in (_json_calls, _python_calls, _loose_calls):
        found = found or [call for calls, _, _ in find(text, offered) for call in calls]
    return found


def _of_marks(text: str) -> Iterator[WrittenCall]:
    found = [
        *((one.start(), _named(text, one)) for one in _NAMED.finditer(text)),
        *((one.start(), _xml(one)) for one in _XML.finditer(text)),
        *((one.start(), _glm(one)) for one in _GLM.finditer(text)),
        *((one.start(), _gemma(text, one)) for one in _GEMMA.finditer(text)),
    ]
    places: set[int] = set()
    for at, call in sorted(found, key=lambda one: one[0]):
        if call is not None and at not in places:
            places.add(at)
            yield call


def _named(text: str, found: re.Match[str]) -> WrittenCall | None:
    arguments = _value_at(text, found.end())[0]
    return WrittenCall(found["name"], arguments) if isinstance(arguments, dict) else None


def _xml(found: re.Match[str]) -> WrittenCall | None:
    if found["body"].lstrip().startswith("{"):
        return None  # JSON in XML: `_named` reads it
    given = _XML_ARGUMENT.finditer(found["body"])
    arguments = {one["a"] or one["b"]: _argument(one["value"]) for one in given}
    return WrittenCall(found["a"] or found["b"], arguments)


def _glm(found: re.Match[str]) -> WrittenCall:
    given = _GLM_ARGUMENT.finditer(found["body"])
    arguments = {one["key"].strip(): _argument(one["value"]) for one in given}
    return WrittenCall(found["name"], arguments)


def _gemma(text: str, found: re.Match[str]) -> WrittenCall | None:
    arguments, at = {}, found.end()
    while one := _GEMMA_ARGUMENT.match(text, at):
        arguments[one["key"]] = one["value"] if one["mark"] else one["bare"].strip()
        at = one.end()
    return WrittenCall(found["name"], arguments) if text.startswith("}", at) else None


def _argument(raw: str) -> Any:
    """Return the value of an argument: lists and objects are JSON, all else is its text."""
    text = raw.strip("\n")
    value = _value_at(text.strip(), 0)[0]
    return value if isinstance(value, dict | list) else text


# The calls at one place of a text, and where it begins and ends.
_Place = tuple[list[WrittenCall], int, int]


def _json_calls(text: str, offered: Collection[str]) -> Iterator[_Place]:
    """Yield the calls of each JSON value in a text."""
    at = 0
    for _ in range(VALUES):
        if (opener := _OPENER.search(text, at)) is None:
            return
        value, end = _value_at(text, opener.start())
        at = opener.end()
        if calls := [*_calls_of(value, offered)]:
            yield calls, opener.start(), end
            at = end


def _loose_calls(text: str, offered: Collection[str]) -> Iterator[_Place]:
    """Yield the calls that are the name of an offered tool with an object after it."""
    for found in islice(_LOOSE.finditer(text), VALUES):
        arguments, end = _value_at(text, found.end())
        if found["name"] in offered and isinstance(arguments, dict):
            closer = f"</{found['name']}>"
            end += len(closer) if text.startswith(closer, end) else 0
            yield [WrittenCall(found["name"], arguments)], found.start(), end


def _python_calls(text: str, offered: Collection[str]) -> Iterator[_Place]:
    """Yield the calls of offered tools that stand as Python, such as `[comment(block="B1")]`."""
    places = (one for one in _PYTHON.finditer(text) if one["name"] in offered)
    end = -1
    for found in islice(places, PLACES):
        if found.start() < end:
            continue
        body = _unclosed(text[found.start() :])
        if calls := [*_calls_in(body)]:
            end = found.start() + len(body)
            yield calls, found.start(), end


def _unclosed(text: str) -> str:
    """Return `text` without the tags and fences at its end."""
    for _ in range(PLACES):
        text = text.rstrip().removesuffix("```")
        begin = text.rfind("<", max(0, len(text) - LONGEST_TAG)) if text.endswith(">") else -1
        text = text[:begin] if begin >= 0 else text
    return text


def _calls_in(code: str) -> Iterator[WrittenCall]:
    try:
        tree = ast.parse(code.strip())
    except SyntaxError as error:  # words may follow
        first = "\n".join(code.strip().split("\n")[: (error.lineno or 1) - 1])
        yield from _calls_in(first) if first else ()
        return
    except (ValueError, RecursionError, MemoryError):
        return
    for line in tree.body:
        value = line.value if isinstance(line, ast.Expr) else None
        for one in value.elts if isinstance(value, ast.List) else (value,):
            if call := _python_call(one):
                yield call


def _python_call(node: ast.expr | None) -> WrittenCall | None:
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if node.args:
        return _python_call(node.args[0]) if name == "print" else None
    try:
        given = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg}
    except ValueError:
        return None
    return WrittenCall(name, given)


def _value_at(text: str, at: int) -> tuple[Any, int]:
    """Return the JSON value that begins at `at`, and where it ends; (None, `at`) where none is."""
    try:
        return _READER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at


def _calls_of(value: Any, offered: Collection[str]) -> Iterator[WrittenCall]:
    """Yield the calls that a JSON value is: one, a list of them, or an API's message of them."""
    if isinstance(value, list):
        for one in value:
            yield from _calls_of(one, offered)
    elif isinstance(value, dict):
        name = next(iter(value), "")
        if isinstance(value.get("tool_calls"), list):
            yield from _calls_of(value["tool_calls"], offered)
        elif isinstance(value.get("function"), dict):
            yield from _calls_of(value["function"], offered)
        elif len(value) == 1 and name in offered and isinstance(value[name], dict):
            yield WrittenCall(name, value[name])
        elif (call := _call_of(value)) is not None:
            yield call


def _call_of(value: Mapping[str, Any]) -> WrittenCall | None:
    name = next((value[key] for key in _NAMES if key in value), "")
    given = next((value[key] for key in _ARGUMENTS if key in value), None)
    if isinstance(given, str):
        given = _value_at(given.strip(), 0)[0]
    if not isinstance(name, str) or not isinstance(given, dict):
        return None
    name = name.removeprefix("functions.")
    return WrittenCall(name, given) if re.fullmatch(_NAME, name) else None


def _is_json_alone(text: str) -> bool:
    """Tell whether a text is one JSON value, perhaps in a fence."""
    inner = re.sub(r"\A```\w*\s*|\s*```\Z", "", text.strip())
    return bool(inner) and _value_at(inner, 0)[1] == len(inner)


def _without_calls(text: str, offered: Collection[str]) -> str:
    """Return `text` without what calls one of the tools and has no marks."""
    for find in (_json_calls, _python_calls, _loose_calls) if offered else ():
        kept, at = [], 0
        for calls, start, end in find(text, offered):
            if any(call.name in offered for call in calls):
                kept.append(text[at:start])
                at = end
        text = "".join((*kept, text[at:]))
    return _EMPTY_FENCE.sub("", text)
