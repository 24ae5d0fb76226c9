"""What a failed request to a model means, by one table: the document, the key, or the provider.

Pure: takes a status and the provider's words. A new provider's way to say one of these things is
another row, or another phrase in one. What a server was found not to take is a lesson: that
parameter is left out, renamed or lowered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Meaning(Enum):
    """What is to be done about a failed request."""

    TOO_LONG = auto()  # about the document: send less of it
    FLAGGED = auto()  # about the document: this provider does not read it
    REJECTED = auto()  # about this request; whether about every one, a tiny request shows
    KEY = auto()  # about the key: nothing that is sent with it can go better
    MODEL = auto()  # about the model's name or the address
    ACCOUNT = auto()  # the account is empty: the next provider, now
    PASSING = auto()  # about the provider at this moment: another attempt may go better


@dataclass(frozen=True, slots=True)
class _Row:
    meaning: Meaning
    statuses: str
    words: str = ""

    def fits(self, status: int, words: str) -> bool:
        return re.fullmatch(self.statuses, str(status)) is not None and (
            not self.words or re.search(self.words, words, re.IGNORECASE) is not None
        )


_ANY = r"\d{3}"
_TOO_LONG = (
    r"exceed_context_size|context_length_exceeded|context[ _-]?(?:length|size|window|limit)"
    r"|string_above_max_length|too long\b|too many (?:input )?tokens"
    r"|(?:prompt|input|request|message|text)s? (?:is|are|was) too large"
    r"|maximum (?:prompt|input|sequence) length"
    r"|request too large|request_too_large|payload too large|reduce the length"
    r"|input (?:length|token count|tokens).{0,80}(?:exceed|larger|greater|longer)"
    r"|exceeds? (?:the )?(?:model'?s? )?(?:maximum|max|limit of).{0,40}tokens"
    r"|must have less than \d+ tokens|max_model_len|n_ctx|please shorten"
    r"|inputs?`? tokens \+|range of input length|input characters limit|body too large"
    r"|exceed(?:s|ed)? (?:the )?(?:model )?(?:token|context|input|prompt|max(?:imum)?)"
    r" (?:limit|length)"
    r"|tokens?[ _]limit[ _](?:reached|exceeded)|max_prompt_tokens|超长|长度.{0,10}超|超.{0,10}长度"
)
# A size of the document, and after it how it compares with the most that is taken.
_COMPARED = (
    r"(?<![\w`'\"])(?:prompts?|inputs?|messages?|tokens)\b.{0,60}"
    r"(?:exceed|longer than|larger than|greater than|less than|at most|<=).{0,40}\d{3}"
)
_FLAGGED = (
    r"\bflagged\b|content[ _-]?filter|content_policy|content (?:management )?policy|invalid_prompt"
    r"|moderation|safety (?:system|filter|polic)|responsible ?ai|prohibited[ _]content"
    r"|data_inspection_failed|inappropriate content|usage polic"
)
_EMPTY = (
    r"insufficient[ _](?:quota|credits?|balance|funds)|credit balance|exceeded_current_quota"
    r"|billing_(?:hard_limit|error|not)|spend[ _]limit|out of credits|balance is (?:too low|not)"
)
_KEY = (
    r"(?:api|access|auth\w*|secret)[ _-]?(?:key|token)|invalid[ _](?:key|token|credential)"
    r"|credential|authenticat|unauthori[sz]ed|subscription key|permission_error|permission_denied"
    r"|does not have (?:access|permission)|not authorized|country, region, or territory"
)
# Gemini refuses a key with a 400.
_INVALID_KEY = r"api[ _-]?key[ _](?:not[ _]valid|invalid)|invalid[ _]api[ _]?key|incorrect api key"

# The first row that fits decides.
_TABLE = (
    _Row(Meaning.ACCOUNT, "402"),
    _Row(Meaning.ACCOUNT, "400|403|429|5..", _EMPTY),
    _Row(Meaning.TOO_LONG, "413"),
    _Row(Meaning.TOO_LONG, "400|403|404|422|429|5..", _TOO_LONG),
    _Row(Meaning.TOO_LONG, "400|422|5..", _COMPARED),
    _Row(Meaning.FLAGGED, "400|403|422|451", _FLAGGED),
    _Row(Meaning.KEY, "401"),
    _Row(Meaning.KEY, "403", rf"\A(?!\s*<)(?s:.)*(?:{_KEY})"),
    _Row(Meaning.MODEL, "404"),
    _Row(Meaning.PASSING, "408|409|425|429|5.."),
    _Row(Meaning.REJECTED, _ANY),
)


def meaning(status: int, words: str) -> Meaning:
    """Return what an answer with an error status means.

    Args:
        status: The HTTP status.
        words: The whole body, with codes and types.
    """
    return next(row.meaning for row in _TABLE if row.fits(status, words))


def is_about_the_key(status: int, words: str) -> bool:
    """Tell whether a refusal that every request meets is one of the key."""
    return status in (401, 403) or re.search(_INVALID_KEY, words, re.IGNORECASE) is not None


# How servers name the size of the window, or of the largest request, in an error. In this order:
# llama.cpp, OpenAI and vLLM, Anthropic, Anthropic's cloud resellers, xAI, Gemini, TGI, OpenAI's
# tokens a minute; then Mistral, GitHub, Moonshot, DashScope, older vLLM.
_WINDOW = re.compile(
    r"n_ctx\W+(\d+)|maximum context length(?: is|:)? (\d+)|> (\d+) maximum"
    r"|exceed context limit: \d+ \+ \d+ > (\d+)|maximum (?:prompt|input) length is (\d+)"
    r"|maximum number of tokens allowed \(?(\d+)|must have less than (\d+) tokens"
    r"|Limit:? (\d+), Requested|context (?:length|window|size)(?: of| is|:)? (?:only )?(\d+)"
    r"|max_model_len\W+(\d+)|model with (\d+) maximum context|max size:? (\d+) tokens"
    r"|token limit:? (\d+)|input length should be \[\d+ (\d+)\]|maximum model length of (\d+)"
    r"|max_new_tokens`? must be <= (\d+)|context (?:length|size) \(?(\d+)",
    re.IGNORECASE,
)
SMALLEST_WINDOW, LARGEST_WINDOW = 512, 10**9


def window_told(words: str) -> int | None:
    """Return the size of the window that an error tells, in tokens; None where it tells none."""
    found = _WINDOW.search(words.replace(",", "") if "Requested" not in words else words)
    size = int(next(filter(None, found.groups()))) if found else 0
    return size if SMALLEST_WINDOW <= size <= LARGEST_WINDOW else None


# What people can do, by what the provider's words are about.
_CURES = (
    (
        r"tool-call-parser|auto.{0,3} tool choice",
        "start vLLM with --enable-auto-tool-choice and the --tool-call-parser of this model",
    ),
    (
        r"support(?:s|ed|ing)? (?:tool|function)|tool use|tools? (?:is|are) not supported|--jinja",
        "the reviewer needs tools: name a model that can call them under `models` in config.yaml",
    ),
    (r"try pulling it|pull (?:it|the model)", "load the model into the server (ollama pull)"),
    (
        r"expected JSON data|Failed to decode response as JSON",
        "see that the server's address is that of its API, which often ends in /v1",
    ),
    (_EMPTY, "add credit to the account of this key"),
    (_TOO_LONG, "start the server with a larger window"),
)


def cure(words: str) -> str:
    """Return what to do about an answer, by the provider's words; "" where they tell nothing."""
    return next((said for sign, said in _CURES if re.search(sign, words, re.IGNORECASE)), "")


def own_words(body: Any) -> str:
    """Return a provider's own words out of an error's body: on one line, without markup."""
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(inner, Mapping):
        inner = next((inner[key] for key in _WORDS if inner.get(key)), "")
    if isinstance(inner, list):
        inner = "; ".join(_of_item(one) for one in inner)
    text = str(inner or "")
    if re.match(r"\s*<(?:!doctype|html|head|body)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<[^>]*>", " ", text)
    return " ".join(text.split())


_WORDS = ("message", "detail", "msg", "error", "error_message", "reason")


def _of_item(item: Any) -> str:
    """Return the words of one problem in a list such as FastAPI's, with the place it is about."""
    if not isinstance(item, Mapping):
        return str(item)
    place = ".".join(str(part) for part in item.get("loc") or ())
    return f"{place}: {item.get('msg') or item}" if place else str(item.get("msg") or item)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One parameter that a server does not take as it is sent.

    Attributes:
        name: The parameter.
        successor: The name under which the server takes it; "" where it is left out.
        most: The largest value that the server takes; None where the value is not the matter.
    """

    name: str
    successor: str = ""
    most: int | None = None


# What a request is about; without it there would be no review.
_ESSENTIAL = frozenset(
    ("model", "messages", "input", "tools", "system", "instructions", "max_output_tokens")
)
_NESTED = ("strict", "cache_control")
# The limit of an answer is never left out: the budget rests on it.
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_REFUSAL = re.compile(
    r"unsupported|n[o']t (?:\w+ )?(?:supported?|permitted|allowed|accepted?|implemented)"
    r"|unrecogni[sz]ed|unknown|unexpected|extra (?:inputs|fields)|additional propert|no such"
    r"|invalid (?:parameter|field|argument|property|key)|cannot be (?:used|set)|deprecated|removed",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:at most|less than or equal to|<=|maximum(?: value| allowed)?(?: of| is|:)?|up to"
    r"|between 1 and|range (?:of |is )?\[1,) ?`?(\d{2,7})|> (\d{2,7}), which is the maximum",
    re.IGNORECASE,
)
_LEAST_LIMIT = 16
# A model that sees none, or not these: images are no parameter, but parts of a message.
IMAGES = "images"
_PICTURES = ("image", "image_url", "input_image")
_ABOUT_IMAGES = re.compile(
    r"\bimages?\b|image_url|input_image|\bvision\b|multi-?modal", re.IGNORECASE
)


def lesson(words: str, sent: Mapping[str, Any]) -> Lesson | None:
    """Return what a refusal teaches about a parameter that was sent; None for nothing.

    Args:
        words: The whole body of the refusal.
        sent: The request that was refused.
    """
    if _ABOUT_IMAGES.search(words) and _without_images(sent) != sent:
        return Lesson(IMAGES)
    for limit in _LIMITS:
        most = _MOST.search(words) if limit in sent and _names(limit, words) else None
        size = int(most[1] or most[2]) if most else 0
        if _LEAST_LIMIT <= size < int(sent[limit]):
            return Lesson(limit, limit, size)
    if not _REFUSAL.search(words):
        return None
    nested = [name for name in _NESTED if name not in sent and _holds(sent, name)]
    # The longest first: `max_completion_tokens` in a message about `max_tokens` is its successor.
    own = sorted((name for name in sent if name not in _ESSENTIAL), key=len, reverse=True)
    parameters = [*own, *nested]
    for name in parameters:
        if _names(name, words):
            return Lesson(name, _LIMITS.get(name, ""))
    return None


def applied(sent: Mapping[str, Any], lessons: Iterable[Lesson]) -> dict[str, Any]:
    """Return a request as the server takes it."""
    request = dict(sent)
    for one in lessons:
        if one.name == IMAGES:
            request = _without_images(request)
        elif one.most is not None:
            if one.name in request:
                request[one.name] = min(request[one.name], one.most)
        elif one.name in request:
            value = request.pop(one.name)
            if one.successor:
                request[one.successor] = value
        elif one.name in _NESTED:
            request = _without(request, one.name)
    return request


def _without_images(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_images(one) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    kept = (one for one in value if not (isinstance(one, Mapping) and one.get("type") in _PICTURES))
    return [_without_images(one) for one in kept]


def _names(name: str, words: str) -> bool:
    """Tell whether an error names a parameter; a name that is an English word needs a sign."""
    if "_" in name:
        return re.search(rf"(?<!\w){name}(?!\w)", words) is not None
    before = r"[\"'`.\[\]:/]\s*|\b(?:argument|parameter|field|property|keyword|key|name|support)s? "
    return (
        re.search(rf"(?:{before}){name}\b|\b{name}(?:[\"'`\]]| mode\b| param)", words) is not None
    )


def _holds(value: Any, name: str) -> bool:
    if isinstance(value, Mapping):
        return name in value or any(_holds(one, name) for one in value.values())
    return isinstance(value, list) and any(_holds(one, name) for one in value)


def _without(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(one, name) for key, one in value.items() if key != name}
    return [_without(one, name) for one in value] if isinstance(value, list) else value
