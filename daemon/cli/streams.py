"""What kind of reader stands behind a stream."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO


class Form(StrEnum):
    """How lines are written."""

    CONSOLE = "console"
    JOURNAL = "journal"
    JSON = "json"


def form(stream: TextIO, env: Mapping[str, str]) -> Form:
    """Return the form that suits a stream.

    The journal is recognised by the stream itself, so that a pipe in a unit stays plain:
    https://www.freedesktop.org/software/systemd/man/systemd.exec.html#$JOURNAL_STREAM
    """
    if stream.isatty():
        return Form.CONSOLE
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return Form.JSON
    own = f"{about.st_dev}:{about.st_ino}"
    return Form.JOURNAL if env.get("JOURNAL_STREAM") == own else Form.JSON
