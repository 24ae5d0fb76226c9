"""What a month of reviews costs by model: the table of docs/measured.md, and how it is computed."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.review.models import cost
from daemon.review.models.access import ModelAccess
from daemon.review.models.cost import Tokens


MODELS = (
    "anthropic:claude-haiku-5-5",
    "anthropic:claude-sonnet-5-5",
    "anthropic:claude-opus-5-5",
    "openai:gpt-6.1-terra",
    "openai:gpt-6.1-sol",
)
DOCUMENTS = 50
SESSIONS = 10  # of each document: a first review, five after edits, four answers to people
INSTRUCTIONS = 1_800  # tokens of the instructions, the tools and a prompt of a page
DOCUMENT = 5_150  # tokens, the mean of forty real RFCs; the median is 3,300, the longest 18,400
ANSWER = 3_500  # tokens of a session's calls, and of its thinking, in the mean


def session(model: str, document: int = DOCUMENT) -> float:
    """Return the US dollars of one session of two requests.

    The first request writes the provider's cache, the second reads it.
    """
    read = INSTRUCTIONS + document
    requests = (
        Tokens(read, cache_write_tokens=read, output_tokens=ANSWER),
        Tokens(read, cache_read_tokens=read),
    )
    return sum(cost.cost(model, tokens, ModelAccess()) for tokens in requests)


def table() -> Iterator[str]:
    """Yield the table in Markdown."""
    yield "| model | one session | fifty RFCs a month |"
    yield "|---|---|---|"
    for model in MODELS:
        once = session(model)
        yield f"| `{model}` | ${once:.4f} | ${once * SESSIONS * DOCUMENTS:.2f} |"


if __name__ == "__main__":
    print("\n".join(table()))
