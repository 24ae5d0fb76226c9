"""What follows from the schema of config.yaml; run as a program, this file writes it anew.

PYTHONPATH=tests:. .venv/bin/python tests/config/test_reference.py
"""

import json
import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from daemon.config import Config, Database, environment, file, parse
from daemon.config.reference import (
    PLACEHOLDER,
    SCHEMA,
    effective,
    example,
    json_schema,
    keys,
    reference,
    surroundings,
)
from daemon.config.values import Condition
from daemon.domain.errors import ConfigError
from support.places import ROOT


EXAMPLE = ROOT / "config.yaml"
DOCUMENT = ROOT / "docs/configuration.md"
ID = "0123456789abcdef0123456789abcdef"
LEAVES = {key.leaf for key in keys()}
# Each of these stands beside another one that excludes it.
EITHER = ("file", "cron", "timezone")


def parsed(text, folder):
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return parse(path)


def uncommented(text, *but):
    """The example with every optional key in force."""
    names = "|".join(sorted(LEAVES - set(but)))
    return re.sub(rf"^( *)# (?=(?:{names}): \S)", r"\1", text, flags=re.MULTILINE)


def test_the_example_in_the_repository_is_the_generated_one():
    assert EXAMPLE.read_text(encoding="utf-8") == example()


def test_every_value_of_the_example_is_the_default():
    defaults = Config(databases=(Database(id=PLACEHOLDER),))

    assert parse(EXAMPLE) == defaults.model_copy(update={"state": ROOT / defaults.state})


def test_every_default_stands_in_the_example_under_its_own_name(tmp_path):
    written = parse(EXAMPLE)

    silent = {"prompt", "file", "where", "properties", "reviewer", "models", "name"}
    silent |= {"memory", "prompt_editors"}
    assert Database.model_fields.keys() - written.databases[0].model_fields_set == silent
    assert Config.model_fields.keys() - written.model_fields_set == {"prices", "windows"}
    assert written.limits.model_fields_set == type(written.limits).model_fields.keys()


def test_every_key_stands_in_the_example():
    lines = [line.strip().removeprefix("- ").removeprefix("# ") for line in example().splitlines()]

    for leaf in LEAVES:
        assert any(line.startswith(f"{leaf}: ") for line in lines), leaf


def test_every_example_of_an_optional_key_is_right(tmp_path):
    config = parsed(uncommented(example(), *EITHER), tmp_path)

    target = config.databases[0]
    assert target.where == {"Status": Condition(("In review", "Ready"))}
    assert all(getattr(target, name) for name in ("name", "prompt", "properties", "reviewer"))
    assert target.models == ("openai:gpt-6.1-sol", "offline")
    assert config.alerts.command
    assert config.alerts.url
    assert config.prices.keys() == config.windows.keys() == {"openai:my-model"}


def test_the_example_of_a_crontab_line_is_right(tmp_path):
    text = re.sub(r"(?m)^  every: .*\n", "", example())

    schedule = parsed(uncommented(text, *LEAVES - {"cron", "timezone"}), tmp_path).schedule

    assert (schedule.cron, schedule.timezone) == ("0 * * * *", "Europe/Berlin")


def test_an_example_for_a_database_and_a_prompt_names_both(tmp_path):
    database = f"https://app.notion.com/acme/RFCs-{ID}?v={'1' * 32}"
    text = example(database, f"https://app.notion.com/p/Prompt-{'a' * 32}#{'b' * 32}")

    target = parsed(text, tmp_path).databases[0]
    assert target.id.replace("-", "") == ID
    assert target.prompt.replace("-", "") == "a" * 32


@pytest.mark.parametrize("database", ["x: y", "x #y", "- x", '"', "*x", "{x}"])
def test_an_example_stays_yaml_whatever_it_is_given(database, tmp_path):
    with pytest.raises(Exception, match=r"databases\[0\]\.id: .* is neither an id"):
        parsed(example(database), tmp_path)


def test_no_line_of_the_example_is_too_long_to_read():
    assert max(len(line) for line in example().splitlines()) <= 105


def test_the_table_has_a_row_for_every_key():
    rows = reference().splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == [key.name for key in keys()]
    assert "| `settle` | `10m` | a page waits until nobody edited it for so long |" in rows
    assert "| `schedule.every` | `1h` | time from sweep to sweep |" in rows
    assert all(re.fullmatch(r"\| `[^|]+` \| [^|]+ \| [^|]+ \|", row) for row in rows)


def test_the_document_holds_the_table():
    assert reference() in DOCUMENT.read_text(encoding="utf-8")


def test_the_schema_for_editors_is_the_generated_one_and_the_example_names_it():
    assert SCHEMA.read_text("utf-8") == json_schema()
    named = example().splitlines()[0].partition("$schema=")[2]
    assert ROOT / named == SCHEMA


# Beside each of these values of config.yaml: what is no value there.
WRONG = {
    "databases[].id": None,
    "databases[].where": {"Status": {"is": []}},
    "databases[].replies": "all",
    "databases[].report": "high",
    "databases[].page_comment": "yes",
    "databases[].lenses": 6,
    "databases[].memory": {"others": True},
    "databases[].models": ["gpt"],
    "models": ["openai:"],
    "schedule": {"every": "1h", "cron": "0 * * * *"},
    "schedule.every": "an hour",
    "settle": 10,
    "lookback": None,
    "watch_days": 1.5,
    "review_on_prompt_change": 1,
    "limits": [],
    "limits.rounds": 0,
    "limits.cost_per_day": "20",
    "alerts.format": "mail",
    "digest.to": ["mail"],
    "prices": {"openai:my-model": {"input": 1.0}},
    "windows": {"openai:my-model": 1},
    "record": 1,
    "no_such_key": 1,
    "limits.no_such_key": 1,
}


def test_the_schema_for_editors_takes_what_is_read_and_refuses_what_is_not(tmp_path):
    schema = json.loads(json_schema())
    Draft202012Validator.check_schema(schema)
    takes = Draft202012Validator(schema).is_valid
    # PyYAML takes the key for a boolean, as YAML 1.1 has it; the program and editors do not.
    texts = (example(), uncommented(example(), *EITHER))
    right = [yaml.safe_load(re.sub(r"(?m)^  on:", '  "on":', text)) for text in texts]
    right.append({**right[0], "schedule": {"cron": "0 * * * *"}, "limits": None, "prices": None})
    right.append({**right[0], "record": 0, "models": ["offline"]})
    forms = [2026, ["a", "b"], {"not": "a"}, {"is": ["a"], "pattern": "RFC*"}]
    in_file = {"id": ID, "prompt": {"file": "rfc.md"}}
    right.append(
        {
            "databases": [
                in_file,
                *(
                    {"id": f"{ID[:-1]}{n}", "where": {"Status": form}}
                    for n, form in enumerate(forms)
                ),
            ]
        }
    )
    for one in right:
        parsed(json.dumps(one), tmp_path)
        assert takes(one), one
    for place, value in WRONG.items():
        wrong = deepcopy(right[1])
        *sections, leaf = place.replace("[]", ".0").split(".")
        inside = wrong
        for part in sections:
            inside = inside[int(part) if part.isdigit() else part]
        inside[leaf] = value
        with pytest.raises(ConfigError):
            parsed(json.dumps(wrong), tmp_path)
        assert not takes(wrong), place


def test_what_is_in_effect_has_every_key_and_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"databases:\n  - id: {'1' * 32}\n    where: {{Status: {{not: [Draft]}}}}\n"
        "settle: 5m\nalerts: {url: https://hooks.example/SECRET}\n"
    )
    found = {one.key: one for one in effective(parse(path), file.read(path))}
    assert {name.replace("[0]", "[]") for name in found} == {key.name for key in keys()}
    assert (found["settle"].value, found["settle"].origin) == ("5m", "config.yaml:4")
    assert (found["lookback"].value, found["lookback"].origin) == ("1d", "default")
    assert found["databases[0].where"].value == "{Status: {not: [Draft]}}"
    assert "SECRET" not in str(found)


def test_of_secrets_it_is_only_told_that_they_are_set(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-proj-abcdefghijklmnopqrstuv")
    env = {"NOTION_TOKEN": "ntn_abcdefghijklmnopqrst", "OPENAI_API_KEY_FILE": str(key)}
    found = {one.key: one for one in surroundings(environment.read(env))}
    assert (found["NOTION_TOKEN"].value, found["NOTION_TOKEN"].origin) == ("set", "environment")
    assert (found["OPENAI_API_KEY"].value, found["OPENAI_API_KEY"].origin) == ("set", str(key))
    assert found["ANTHROPIC_API_KEY"].value == "not set"
    assert "abcdefg" not in str(found)


if __name__ == "__main__":
    EXAMPLE.write_text(example(), "utf-8")
    SCHEMA.write_text(json_schema(), "utf-8")
    table = re.compile(r"\| Key \| Default \| Meaning \|\n(?:\|.*\n)+")
    DOCUMENT.write_text(
        table.sub(lambda _: reference(), DOCUMENT.read_text("utf-8"), count=1), "utf-8"
    )
