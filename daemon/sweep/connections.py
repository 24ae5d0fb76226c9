"""Putting a sweep together from settings: what opens, what is passed to whom, what is closed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.review.models.access import ModelAccess


if TYPE_CHECKING:
    import httpx
    from sqlite_utils import Database

    from daemon.config import Settings
    from daemon.sweep.context import Context, Tell
    from daemon.sweep.budget import Meter
    from daemon.notion.gateway import Gateway
    from daemon.review.models.chain import Chain


def model_access(settings: Settings) -> ModelAccess:
    """Return how the models are reached."""
    secrets, addresses = settings.secrets, settings.addresses
    keys = {"anthropic": secrets.anthropic, "openai": secrets.openai}
    urls = {"anthropic": addresses.anthropic, "openai": addresses.openai}
    return ModelAccess(
        keys={name: key for name, key in keys.items() if key},
        urls={name: url for name, url in urls.items() if url},
        prices=settings.config.prices,
        windows=settings.config.windows,
    )


@dataclass(frozen=True, slots=True)
class Connections:
    """What outlives a sweep: the limit of requests and the models that failed lately hold on.

    Attributes:
        settings: What they were made from.
        state: The database.
        notion: The gateway.
        models: The chain of providers.
        meter: What the models cost.
        dry_run: Whether nothing may be written to Notion.
    """

    settings: Settings
    state: Database
    notion: Gateway
    models: Chain
    meter: Meter
    dry_run: bool

    def context(self, tell: Tell) -> Context:
        """Return what one sweep works with; its counts begin at nothing."""
        from daemon.sweep.delivery import outbox
        from daemon.sweep.context import Context
        from daemon.sweep.people import People

        self.meter.reset()
        return Context(
            state=self.state,
            notion=self.notion,
            people=People(self.state, self.notion, self.settings.secrets.notion),
            models=self.models,
            config=self.settings.config,
            chains=self.settings.chains,
            tell=tell,
            deliver=outbox.preview if self.dry_run else outbox.deliver,
            meter=self.meter,
            secrets=frozenset(self.settings.secrets.values),
        )


@asynccontextmanager
async def connected(
    settings: Settings,
    state: Database,
    *,
    dry_run: bool = False,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Connections]:
    """Yield the connections for sweeps; they are closed at the end, however it comes."""
    from daemon.sweep.budget import Meter
    from daemon.notion.gateway import HOST, Gateway
    from daemon.review.models.chain import Chain

    gateway = Gateway(
        settings.secrets.notion,
        base_url=settings.addresses.notion or HOST,
        requests_per_minute=settings.config.notion.requests_per_minute,
        writes=not dry_run,
        transport=transport,
    )
    meter = Meter(state, settings.config.limits, lambda: gateway.now)
    chain = Chain(model_access(settings), monotonic=time.monotonic, purse=meter)
    async with gateway:
        try:
            yield Connections(settings, state, gateway, chain, meter, dry_run)
        finally:
            await chain.aclose()
