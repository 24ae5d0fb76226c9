"""What was decided about a comment: a value, its transitions and its stored form. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


# A comment that the model passes over is offered again until it was offered so often.
MOST_TRIES = 3
# A comment is answered, and once more after its author edited it.
MOST_ANSWERS = 2


class Decision(StrEnum):
    """What was decided about a comment."""

    NEW = "new"  # nothing yet; never stored
    SEEN = "seen"  # wants no answer
    ANSWERED = "answered"
    LEFT = "left"  # the model left it without an answer
    TRIED = "tried"  # the model passed over it, so it is offered again


@dataclass(frozen=True, slots=True)
class CommentState:
    """How far a comment is.

    Attributes:
        decision: The last decision.
        answers: How many answers it got, at most `MOST_ANSWERS`.
        tries: How often the model passed over it since it was new or edited.
        lefts: How often the model left it without an answer.
    """

    decision: Decision = Decision.NEW
    answers: int = 0
    tries: int = 0
    lefts: int = 0

    @property
    def waits(self) -> bool:
        """Whether it is still to be decided on, edited or not."""
        return self.decision in (Decision.NEW, Decision.TRIED)

    @property
    def reopens_on_edit(self) -> bool:
        """Whether an edit by its author brings it up again."""
        return self.answers < MOST_ANSWERS and self.lefts < MOST_TRIES

    def after_answer(self) -> CommentState:
        """Return its state after one more answer."""
        answers = min(self.answers + 1, MOST_ANSWERS)
        return CommentState(Decision.ANSWERED, answers, lefts=self.lefts)

    def without_answer(self, decision: Decision) -> CommentState:
        """Return its state where it gets no answer; that it got one before is not lost."""
        lefts = min(self.lefts + (decision is Decision.LEFT), MOST_TRIES)
        if self.answers:
            return CommentState(Decision.ANSWERED, self.answers, lefts=lefts)
        return CommentState(decision, lefts=lefts)

    def after_passing_over(self) -> CommentState:
        """Return its state after the model neither answered nor left it."""
        if self.tries + 1 >= MOST_TRIES or not self.reopens_on_edit:
            return self.without_answer(Decision.LEFT)
        return CommentState(Decision.TRIED, self.answers, self.tries + 1, self.lefts)

    def __str__(self) -> str:
        """Write it as it is stored.

        That is: `seen`, `left`, `answered`, `answered twice`, `tried 2 again`; behind it, such as
        `seen, left 2`, how often it was left where the word does not say that.
        """
        if self.decision is Decision.TRIED:
            words = f"tried {self.tries}{' again' if self.answers else ''}"
        else:
            words = "answered twice" if self.answers == MOST_ANSWERS else self.decision.value
        is_said = self.lefts == (self.decision is Decision.LEFT)
        return words if is_said else f"{words}, left {self.lefts}"

    @classmethod
    def parse(cls, stored: str) -> CommentState:
        """Read what `str` wrote.

        Raises:
            ValueError: `stored` is no such form.
        """
        words, _, lefts = stored.partition(", left ")
        read = cls._parse(words)
        return replace(read, lefts=int(lefts)) if lefts else read

    @classmethod
    def _parse(cls, stored: str) -> CommentState:
        match stored.split():
            case ["left"]:
                return cls(Decision.LEFT, lefts=1)
            case ["answered"]:
                return cls(Decision.ANSWERED, 1)
            case ["answered", "twice"]:
                return cls(Decision.ANSWERED, MOST_ANSWERS)
            case ["tried", tries]:
                return cls(Decision.TRIED, 0, int(tries))
            case ["tried", tries, "again"]:
                return cls(Decision.TRIED, 1, int(tries))
            case ["seen"]:
                return cls(Decision.SEEN)
            case _:
                raise ValueError(f"not the state of a comment: {stored!r}")


NEW = CommentState()
