"""The service as it is installed in a lab."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from daemon.sandbox import Sandbox, blocks
from support.lab import Lab


SERVICE = "notion-review.service"
TEXT = "We need queues because the poller is slow."


@dataclass
class Installed:
    """The service as it is installed in a lab, before it was ever started."""

    lab: Lab
    box: Sandbox
    url: str
    config: dict[str, Any]
    addresses: str = ""

    def page(self, title: str = "Queues") -> Any:
        """Make a page that is due at once."""
        at = datetime.now(UTC) - timedelta(minutes=3)
        rfcs = self.config["databases"][0]["id"]
        return self.box.world.page(rfcs, title, [blocks.paragraph(TEXT)], at=at)

    def configure(self, folder: str = "/etc/notion-review", **changes: Any) -> None:
        name = "notion-review" + folder.removeprefix("/etc/notion-review").replace("/", "-")
        state = {"state": f"/var/lib/{name}/notion-review.db"}
        config = yaml.safe_dump(self.config | state | changes)
        self.lab.write(f"{folder}/config.yaml", config)
        self.lab.write(f"{folder}/environment", self.addresses)

    def secret(self, name: str, words: str, folder: str = "/etc/notion-review") -> None:
        self.lab.write(f"{folder}/{name}", words + "\n", 0o600)

    def drop_in(self, unit: str, *lines: str) -> None:
        words = "\n".join(["[Service]", *lines]) + "\n"
        number = len(lines)
        self.lab.write(f"/etc/systemd/system/{unit}.d/{number}-{abs(hash(lines))}.conf", words)
        self.lab.systemctl("daemon-reload")

    def start(self, unit: str = SERVICE) -> None:
        self.lab.systemctl("start", unit)

    def swept(self, count: int = 1) -> None:
        """Wait for the end of so many sweeps."""
        self.lab.wait(f"{count} sweeps", lambda: len(self.events("sweep.done")) >= count)

    def events(self, name: str, unit: str = SERVICE) -> list[str]:
        wanted = f'"event": "{name}"'
        return [one["MESSAGE"] for one in self.lab.journal(unit) if wanted in one["MESSAGE"]]
