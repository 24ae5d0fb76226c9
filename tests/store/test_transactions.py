"""D3 as a rule for the code: what belongs together is one transaction, SQL is in one place.

sqlite-utils commits every call, and `with connection:` does not group them: only `db.atomic()`
does.
"""

from __future__ import annotations

import ast

from support.places import ROOT


DAEMON = ROOT / "daemon"
TREES = {
    path.relative_to(DAEMON).as_posix(): ast.parse(path.read_text("utf-8"))
    for path in sorted(DAEMON.rglob("*.py"))
}
STORE = {name: tree for name, tree in TREES.items() if name.startswith("store/")}
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def calls(tree, *names):
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
    ]


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


def test_d3_no_connection_is_taken_for_a_transaction():
    taken = [
        (name, node.lineno)
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.With | ast.AsyncWith)
        for item in node.items
        if isinstance(item.context_expr, ast.Attribute) and item.context_expr.attr == "conn"
    ]
    assert taken == []


def test_d3_a_change_of_several_rows_is_one_transaction():
    loose = []
    for name, tree in STORE.items():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef) or function.name == "v1":
                continue  # a migration runs in a transaction of its library's
            made = writes(function)
            if len(made) > 1:
                inside = within_transactions(function)
                loose += [(name, call.lineno) for call in made if id(call) not in inside]
    assert loose == []


def test_sql_runs_in_the_store_and_nowhere_else():
    """That nothing else imports sqlite3 is checked with the layers."""
    run = ("execute", "executemany", "executescript")
    ran = {name for name, tree in TREES.items() if calls(tree, *run)}
    assert ran - STORE.keys() == set()
    assert ran


def test_d4_nothing_is_awaited_within_a_transaction():
    awaited = [
        (name, one.lineno)
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if is_atomic(node)
        for one in ast.walk(node)
        if isinstance(one, ast.Await)
    ]
    assert awaited == []
