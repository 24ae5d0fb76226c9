from __future__ import annotations

import gc
import os
import signal
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache

import httpcore2
import pytest
from hypothesis import settings
from sqlite_utils import Database

from daemon.store.schema import migrations


# What is imported and collected stays to the end: the collector of garbage would walk through it
# again and again, for some seconds in each worker.
gc.disable()
# Programs that tests start and interrupt inherit it where a shell started the tests behind itself.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Make one context for all clients: 50 ms each, and no test is about the list it reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        patch.setattr(httpcore2, "default_ssl_context", _made_once(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_creation_of_tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """Copy the tables of each new state from one that the migrations made: 20 ms each.

    Not in the simulation: it counts every statement, and replays the same without pytest.
    """
    real = migrations.apply

    def apply(db: Database) -> None:
        if db.execute("PRAGMA schema_version").fetchone() == (0,):
            with closing(sqlite3.connect(":memory:")) as source:
                source.deserialize(_new_state())
                source.backup(db.conn)
        real(db)

    with pytest.MonkeyPatch.context() as patch:
        if "simulation" not in request.path.parts:
            _new_state()
            patch.setattr(migrations, "apply", apply)
        yield


@cache
def _new_state() -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        migrations.apply(Database(made))
        return made.serialize()


def _made_once(make: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    """Return `make` with a memory, which the files that the environment names are not in."""
    one = cache(make)

    def made(**options: bool) -> ssl.SSLContext:
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        return make(**options) if named else one(**options)

    return made


def pytest_collection_finish() -> None:
    """Keep the collector of garbage off what was imported and collected, and seldom at work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


# A machine that others use too is slow at times; no test measures time.
settings.register_profile("few", deadline=None, max_examples=20)
settings.register_profile("many", deadline=None, max_examples=300)
settings.load_profile("few")
