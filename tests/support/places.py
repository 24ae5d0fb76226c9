"""Where things lie that tests look at."""

from __future__ import annotations

from pathlib import Path


ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
FIXTURES = TESTS / "fixtures"
# Beside the project, where they are: forty real RFCs, Notion's own description of its API.
RFCS = ROOT.parent / "shared/data/rfcs"
SPEC = ROOT.parent / "shared/data/notion-openapi.json"
