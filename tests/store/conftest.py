from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from daemon.store import pages
from daemon.store.database import copy_in_memory
from support.states import SOURCE, page_row


@pytest.fixture
def db():
    """A state with a data source and two of its pages."""
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [page_row(1), page_row(2)])
        yield db
