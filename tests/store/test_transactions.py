"""D3 as a rule for the code: what belongs together is one transaction, SQL is in one place.

sqlite-utils commits every call, and `with connection:` does not group them: only `db.atomic()`
does.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest


DAEMON = Path(__file__).parents[2] / "daemon"
MODULES = sorted(DAEMON.rglob("*.py"))
STORE = sorted((DAEMON / "store").glob("*.py"))
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def calls(tree, *names):
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
    ]


def names_of(paths):
    return [str(path.relative_to(DAEMON)) for path in paths]


def is_atomic(node):
    """Whether a `with` opens a transaction."""
    return isinstance(node, ast.With) and any(
        calls(item.context_expr, "atomic") for item in node.items
    )


def within_transactions(function):
    return {
        id(node) for found in ast.walk(function) if is_atomic(found) for node in ast.walk(found)
    }


def writes(function):
    """The calls of a function that change rows; one call of `executemany` counts as two."""
    found = [call for call in calls(function, "execute") if is_write(call)]
    many = calls(function, "executemany")
    return [*found, *many, *many]


def is_write(call):
    words = [
        node.value
        for node in ast.walk(call.args[0])
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return bool(words) and words[0].lstrip().startswith(WRITES)


@pytest.mark.parametrize("path", MODULES, ids=names_of(MODULES))
def test_d3_no_connection_is_taken_for_a_transaction(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                found = item.context_expr
                assert not (isinstance(found, ast.Attribute) and found.attr == "conn"), node.lineno


@pytest.mark.parametrize("path", STORE, ids=names_of(STORE))
def test_d3_a_change_of_several_rows_is_one_transaction(path):
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name == "v1":
            continue  # a migration runs in a transaction of its library's
        made = writes(function)
        if len(made) > 1:
            inside = within_transactions(function)
            loose = [call.lineno for call in made if id(call) not in inside]
            assert not loose, f"{function.name}, lines {loose}"


@pytest.mark.parametrize("path", MODULES, ids=names_of(MODULES))
def test_sql_stands_in_the_store_and_nowhere_else(path):
    if path.parent.name == "store":
        return
    tree = ast.parse(path.read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "sqlite3" not in imported
    assert not [call.lineno for call in calls(tree, "execute", "executemany", "executescript")]


@pytest.mark.parametrize("path", MODULES, ids=names_of(MODULES))
def test_d4_nothing_is_awaited_within_a_transaction(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if is_atomic(node):
            assert not [one.lineno for one in ast.walk(node) if isinstance(one, ast.Await)]
