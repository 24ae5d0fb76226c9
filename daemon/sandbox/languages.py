"""The languages that Notion's code blocks know, and other names for them."""

from __future__ import annotations

import re


PLAIN = "plain text"
# ruff: noqa: SIM905 - a list of ninety words reads better without ninety pairs of quotes
KNOWN = frozenset(
    """abap abc agda arduino assembly bash basic bnf c c# c++ clojure coffeescript coq css dart
    dhall diff docker ebnf elixir elm erlang f# flow fortran gherkin glsl go graphql groovy haskell
    hcl html idris java javascript json julia kotlin latex less lisp livescript lua makefile
    markdown markup matlab mathematica mermaid nix objective-c ocaml pascal perl php powershell
    prolog protobuf purescript python r racket reason ruby rust sass scala scheme scss shell
    smalltalk solidity sql swift toml typescript vb.net verilog vhdl webassembly xml yaml""".split()
)
OTHER_NAMES = {
    "console": "shell",
    "cpp": "c++",
    "cs": "c#",
    "dockerfile": "docker",
    "js": "javascript",
    "jsx": "javascript",
    "make": "makefile",
    "md": "markdown",
    "proto": "protobuf",
    "ps1": "powershell",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "shell",
    "tex": "latex",
    "ts": "typescript",
    "tsx": "typescript",
    "yml": "yaml",
    "zsh": "shell",
}
SILENT = ("text", "txt", "plain", "plaintext", "none")


def language(info: str) -> tuple[str, str]:
    """Read a fence's info line: the language, and a caption that keeps an unknown one's name."""
    words = re.split(r"[\s,{}]+", info.lower().strip("{ "), maxsplit=1)
    first = words[0].lstrip(".")
    found = OTHER_NAMES.get(first, first)
    if found in KNOWN:
        return found, ""
    return PLAIN, "" if first in SILENT else info
