"""The house rules that a reader relies on, held against the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "daemon"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FUNCTION = 60
LONGEST_MODULE = 350

# Who may import what touches the world outside; the sandbox is a server of its own.
OWNERS = {
    "sqlite3": {"store/"},
    "notion_client": {"notion/gateway.py", "notion/retry.py"},
    "anthropic": {"review/"},
    "openai": {"review/"},
    "pydantic_ai": {"review/"},
    "apscheduler": {"service.py", "timetable.py", "clockwork.py"},
    "signal": {"service.py", "signals.py", "notify.py", "cli.py", "run.py"},
    "starlette": {"console/", "sandbox/", "stage.py"},
    "uvicorn": {"console/", "sandbox/"},
    "jinja2": {"console/"},
    "markupsafe": {"console/", "stage.py"},
}
PURE = (
    "findings.py",
    "change.py",
    "review/difference.py",
    "review/excerpt.py",
    "review/rules.py",
    "review/quotes.py",
    "review/prompt.py",
    "review/acknowledge.py",
)


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@cache
def nodes(module: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(module.read_text("utf-8"))))


def imports(module: Path) -> Iterator[str]:
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_function_and_no_module_is_too_long(module: Path) -> None:
    functions = (
        node for node in nodes(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert [f.name for f in functions if f.end_lineno - f.lineno + 1 > LONGEST_FUNCTION] == []
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_each_effect_has_its_place(module: Path) -> None:
    strangers = [
        f"{library} in {name_of(module)}"
        for library, owners in OWNERS.items()
        for imported in imports(module)
        if imported.split(".")[0] == library
        and not any(name_of(module).startswith(owner) for owner in owners)
    ]
    assert strangers == []


OUTSIDE_THE_STORE = [module for module in MODULES if not name_of(module).startswith("store/")]


@pytest.mark.parametrize("module", OUTSIDE_THE_STORE, ids=name_of)
def test_sql_stands_in_the_store_and_nowhere_else(module: Path) -> None:
    sql = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
    assert sql.findall(module.read_text("utf-8")) == []


@pytest.mark.parametrize("name", PURE)
def test_policy_has_no_clock_and_no_io(name: str) -> None:
    forbidden = {"asyncio", "time", "os", "sqlite3", "sqlite_utils", "httpx", "random"}
    assert not forbidden & {one.split(".")[0] for one in imports(PACKAGE / name)}


def test_the_product_does_not_import_its_sandbox_but_for_the_demo_and_the_selftest() -> None:
    users = {
        name_of(module)
        for module in MODULES
        if any(one.startswith("daemon.sandbox") for one in imports(module))
        and not name_of(module).startswith("sandbox/")
    }
    beside = {name for name in users if not name.startswith("redteam/")}
    assert beside <= {"demo.py", "stage.py"}


def test_no_two_modules_of_the_tests_share_a_name() -> None:
    """One run imports them all under their bare names; pytest allows that of `conftest` alone."""
    names = [path.stem for path in (ROOT / "tests").rglob("*.py") if path.stem != "conftest"]
    assert sorted({name for name in names if names.count(name) > 1}) == []
