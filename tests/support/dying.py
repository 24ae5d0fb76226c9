"""Death at a chosen moment: a coroutine that runs up to its n-th wait and then is gone.

`Killed` is a `BaseException`, so that no handler of the program takes it for a failure. What the
program would do on its way out (leave `with` blocks, roll back) happens all the same, which for
a transaction is what a killed process leaves behind too.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from itertools import count
from typing import Any

import pytest

from daemon.sweep.delivery import posting


MOMENTS = ("before the record", "before a post", "after a post")


class Killed(BaseException):
    """The process ends here."""


def dying_at(number: int) -> Callable[[Any], None]:
    """Let that many requests pass, and die at the next one."""
    left = count(number, -1)

    def die(_: Any) -> None:
        if next(left) == 0:
            raise Killed

    return die


class Dying:
    """Awaits a coroutine and kills it at its wait number `at`, counted from 0."""

    def __init__(self, doing: Coroutine[Any, Any, Any], at: int) -> None:
        self._doing = doing
        self._left = at

    def __await__(self) -> Generator[Any, Any, Any]:
        """Pass every wait on, and kill at the last one."""
        send, value = self._doing.send, None
        while True:
            try:
                waits_for = send(value)
            except StopIteration as done:
                return done.value
            if not self._left:
                self._doing.throw(Killed())
                raise AssertionError("the program survived its death")
            self._left -= 1
            try:
                yield waits_for
                send, value = self._doing.send, None
            except BaseException as error:  # noqa: BLE001 - handed on as it came
                send, value = self._doing.throw, error


def die(patched: pytest.MonkeyPatch, moment: str, record: str) -> None:
    """Kill whoever comes to one of the `MOMENTS`; `record` is the dotted name of what records."""

    def killed(*_: object, **__: object) -> None:
        raise Killed

    async def posted_then_killed(*arguments: Any, **named: Any) -> None:
        await real(*arguments, **named)
        raise Killed

    real = posting._post
    match moment:
        case "before the record":
            patched.setattr(record, killed)
        case "before a post":
            patched.setattr(posting, "_post", killed)
        case _:
            patched.setattr(posting, "_post", posted_then_killed)
