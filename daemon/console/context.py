"""What every page of the console works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.config import Config
from daemon.console.access import Door


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page works with.

    Attributes:
        config: config.yaml.
        door: Who may come in.
        report: Told of a bug.
        deliver: Posts what waits of a page, where nobody else is at work; raises what Notion does.
    """

    config: Config
    door: Door
    report: Callable[[Exception], None]
    deliver: Callable[[str], None]

    @property
    def state(self) -> Path:
        """The SQLite file."""
        return self.config.state
