"""The catalogues of events and alerts hold exactly what the package uses."""

import ast
import re
from pathlib import Path

from daemon.domain.events import LEVELS, Alert, split_alert


ROOT = Path(__file__).parents[2]
MODULES = [
    ast.parse(path.read_text("utf-8"))
    for path in (ROOT / "daemon").rglob("*.py")
    if "sandbox" not in path.parts
]
# What takes an alert's name, and at which place.
TAKES_ALERT = {"raise_alert": 1, "clear": 1, "hold": 1}


def test_every_event_that_is_reported_has_a_level_and_every_level_an_event():
    reported = {
        call.args[0].value
        for call in calls()
        if name_of(call) in {"emit", "_emit", "_log"}
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert reported | {"library.said"} == set(LEVELS)


def test_an_alert_is_named_by_the_catalogue_alone():
    bare = [
        ast.unparse(call)
        for call in calls()
        if (place := TAKES_ALERT.get(name_of(call))) is not None
        and len(call.args) > place
        and isinstance(call.args[place], ast.Constant | ast.JoinedStr)
    ]
    assert bare == []


def test_every_alert_is_raised_somewhere():
    used = {
        node.attr
        for module in MODULES
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Alert"
    }
    assert used == {alert.name for alert in Alert}


def test_the_handbook_explains_every_alert():
    handbook = (ROOT / "docs/handbook.md").read_text("utf-8")
    table = handbook.partition("| alert | people must act because |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([^`]+)`", table, re.MULTILINE) != []
    assert set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)) == set(Alert)


def test_a_name_is_taken_apart_into_alert_and_database():
    assert split_alert(Alert.ACCESS.of("1429989f")) == ("access", "1429989f")
    assert split_alert(Alert.READING_COMMENTS) == ("reading comments", "")
    assert split_alert("models") == ("models", "")


def calls():
    return (node for one in MODULES for node in ast.walk(one) if isinstance(node, ast.Call))


def name_of(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
