import re

import pytest

from daemon.config import Config, Database, parse
from daemon.config.reference import PLACEHOLDER, example, keys, reference
from daemon.config.values import Condition
from support.places import ROOT


EXAMPLE = ROOT / "config.yaml"
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
    document = ROOT / "docs/configuration.md"

    assert reference() in document.read_text(encoding="utf-8")
