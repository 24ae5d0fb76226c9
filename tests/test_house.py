"""What a reader relies on and no tool checks; the rooms and their effects are import-linter's."""

from __future__ import annotations

import ast

from support.places import ROOT


PACKAGE = ROOT / "daemon"
MODULES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
LONGEST_FUNCTION = 40
LONGEST_MODULE = 400


def functions(text: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(text))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_function_is_too_long():
    assert [
        f"{name}: {function.name}"
        for name, text in MODULES.items()
        for function in functions(text)
        if function.end_lineno - function.lineno + 1 > LONGEST_FUNCTION
    ] == []


def test_no_module_is_too_long():
    assert [n for n, text in MODULES.items() if len(text.splitlines()) > LONGEST_MODULE] == []
