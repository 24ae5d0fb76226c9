"""Putting a sweep together from settings: what opens, what is passed to whom, what is closed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from sqlite_utils import Database

from daemon import outbox
from daemon.config import Settings
from daemon.context import Context, Tell
from daemon.meter import Meter
from daemon.notion.gateway import HOST, Gateway
from daemon.people import People
from daemon.review.access import ModelAccess
from daemon.review.models import Chain


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


@asynccontextmanager
async def context(
    settings: Settings,
    state: Database,
    tell: Tell,
    *,
    dry_run: bool = False,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Context]:
    """Yield what sweeps work with; connections are closed at the end."""
    token = settings.secrets.notion
    gateway = Gateway(
        token,
        base_url=settings.addresses.notion or HOST,
        requests_per_minute=settings.config.notion.requests_per_minute,
        writes=not dry_run,
        transport=transport,
    )
    meter = Meter(state, settings.config.limits, lambda: gateway.now)
    chain = Chain(
        model_access(settings),
        monotonic=time.monotonic,
        spend=meter.spend,
        may_spend=meter.may_spend,
    )
    async with gateway:
        yield Context(
            state=state,
            notion=gateway,
            people=People(state, gateway, token),
            models=chain,
            config=settings.config,
            chains=settings.chains,
            tell=tell,
            deliver=outbox.preview if dry_run else outbox.deliver,
            meter=meter,
        )
        await chain.aclose()
