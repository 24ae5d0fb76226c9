"""How the service is, where others look: status.json and a Prometheus file beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sqlite_utils import Database

from daemon.operations import metrics, status
from daemon.config import Settings
from daemon.sweep.context import Tell


STATUS = "status.json"
METRICS = "notion-review.prom"
# For a monitor that runs as another user, whatever the umask; they hold no text of a document.
READABLE = 0o644


def show(settings: Settings, state: Database, tell: Tell) -> dict[str, Any]:
    """Write both files and return the status object; a failure is a warning."""
    found = status.status(state, settings.config)
    folder = settings.runtime or settings.config.state.parent
    try:
        replace(folder / STATUS, json.dumps(_public(found), ensure_ascii=False) + "\n")
        replace(folder / METRICS, metrics.text(state, found))
    except OSError as error:
        tell("health.not_written", folder=str(folder), why=error.strerror)
    return found


def _public(found: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what may hold the title of a page: that is for those who may read the state."""
    public = {key: value for key, value in found.items() if key != "failed_pages"}
    alerts = [{"name": alert["name"], "since": alert["since"]} for alert in found["alerts"]]
    return public | {"alerts": alerts}


def replace(path: Path, words: str) -> None:
    """Write a file so that no reader ever sees half of it.

    Raises:
        OSError: The folder or the disk does not take it.
    """
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        try:
            file.write(words)
            file.flush()
            os.fchmod(file.fileno(), READABLE)
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def line(found: Mapping[str, Any], next_sweep: datetime | None, trouble: str) -> str:
    """Return the one line that `systemctl status` shows."""
    parts = [trouble, _last(found["last_sweep"])]
    pages, spent = found["pages"], found["spent_today"]
    parts.append(f"{pages['due']} due, {pages['settling']} settling, {pages['failed']} failed")
    parts.append(f"${spent['cost_usd']:.2f} today")
    if found["alerts"]:
        parts.append("alerts: " + ", ".join(alert["name"].split()[0] for alert in found["alerts"]))
    if next_sweep is not None:
        parts.append(f"next {next_sweep:%H:%M:%S} UTC")
    return "; ".join(part for part in parts if part)


def _last(sweep: Mapping[str, Any] | None) -> str:
    if sweep is None:
        return "no sweep yet"
    return f"last sweep {sweep['outcome']} {sweep['finished'][11:19]}"
