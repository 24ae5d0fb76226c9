from __future__ import annotations

from hypothesis import settings


# A machine that others use too is slow at times; what must be fast has a test of its own.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
