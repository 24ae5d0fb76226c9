import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.config import (
    Config,
    Database,
    Price,
    Replies,
    Schedule,
    find,
    load,
    parse,
    parse_for_state,
    reference,
)
from daemon.config.values import Condition, as_duration, duration_text
from daemon.domain.errors import ConfigError
from support.places import ROOT


ID = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = "fedcba98-7654-3210-fedc-ba9876543210"
BASE = f"databases:\n  - id: {ID}\n"
PAGE = "https://app.notion.com/p/How-we-review-fedcba9876543210fedcba9876543210"
ENV = {"NOTION_TOKEN": "ntn_0", "ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text):
    path = Path("config.yaml")
    path.write_text(text, encoding="utf-8")
    return path


def parsed(text):
    return parse(write(text))


def problems(text):
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return list(caught.value.problems)


def database(text):
    return parsed(f"{BASE}    {text}\n").databases[0]


# What a right file means.


def test_a_config_with_nothing_but_an_id_has_the_documented_defaults(folder):
    config = parsed(BASE)

    assert config == Config(
        databases=(
            Database(
                id=ID,
                name=None,
                prompt=None,
                file=None,
                where={},
                properties=(),
                reviewer=None,
                page_comment=True,
                replies=Replies.ANY,
                models=None,
            ),
        ),
        models=("anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol"),
        schedule=Schedule(every=timedelta(hours=1)),
        settle=timedelta(minutes=10),
        settle_limit=timedelta(hours=4),
        lookback=timedelta(days=1),
        watch_days=30,
        watch_requests=240,
        review_on_prompt_change=False,
        review_on_settings_change=False,
        effort={"first": "high", "again": "medium", "reply": "low"},
        answer_tokens=24_000,
        whole_up_to=40_000,
        limits={
            "comments_per_review": 8,
            "comments_per_block": 2,
            "replies_per_thread": 5,
            "replies_per_person": 30,
            "rounds": 6,
            "seconds_per_review": 900,
            "concurrent_reviews": 4,
            "tokens_per_day": 2_000_000,
            "cost_per_day": 20.0,
        },
        notion={"requests_per_minute": 170},
        alerts={"command": (), "url": None},
        state=folder / "state/notion-review.db",
        prices={},
        windows={},
    )


def test_every_key_is_read():
    config = parsed(f"""
databases:
  - name: RFCs
    id: https://app.notion.com/p/RFCs-{ID.replace("-", "")}?v={OTHER.replace("-", "")}
    prompt: {PAGE}
    where: {{Status: [In review, Ready], Team: Core}}
    properties: [Status, Owner]
    reviewer: RFC reviewer
    page_comment: false
    replies: ours
    models: [openai:gpt-6.1-sol, offline]
models:
  - offline
schedule: {{cron: "0 9 * * 1-5", timezone: Europe/Berlin}}
settle: 90s
settle_limit: 1d
lookback: 30d
watch_days: 0
watch_requests: 0
review_on_prompt_change: true
limits: {{rounds: 6, cost_per_day: 2.5, tokens_per_day: 1_000}}
notion: {{requests_per_minute: 600}}
alerts: {{command: [notify, -v], url: "https://alerts.example.com/x"}}
state: /var/lib/notion-review/state.db
prices: {{"openai:mine": {{input: 1, output: 2.5}}}}
windows: {{"openai:mine": 8192}}
""")
    target = config.databases[0]

    assert (target.name, target.id, target.prompt, target.file) == ("RFCs", ID, OTHER, None)
    assert target.where == {
        "Status": Condition(("In review", "Ready")),
        "Team": Condition(("Core",)),
    }
    assert (target.properties, target.reviewer) == (("Status", "Owner"), "RFC reviewer")
    assert (target.page_comment, target.replies) == (False, Replies.OURS)
    assert target.models == ("openai:gpt-6.1-sol", "offline")
    assert config.models == ("offline",)
    assert config.schedule == Schedule(cron="0 9 * * 1-5", timezone="Europe/Berlin")
    assert config.settle == timedelta(seconds=90)
    assert (config.settle_limit, config.lookback) == (timedelta(days=1), timedelta(days=30))
    assert (config.watch_days, config.watch_requests) == (0, 0)
    assert config.review_on_prompt_change is True
    assert (config.limits.rounds, config.limits.cost_per_day) == (6, 2.5)
    assert (config.limits.tokens_per_day, config.limits.comments_per_block) == (1000, 2)
    assert config.notion.requests_per_minute == 600
    assert config.alerts.command == ("notify", "-v")
    assert config.alerts.url == "https://alerts.example.com/x"
    assert config.state == Path("/var/lib/notion-review/state.db")
    assert config.prices == {"openai:mine": Price(input=1.0, output=2.5, cached=None)}
    assert config.windows == {"openai:mine": 8192}


@pytest.mark.parametrize(
    "text",
    ["prompt: {file: prompts/rfc.md}", 'prompt: "file: prompts/rfc.md"', "file: prompts/rfc.md"],
)
def test_a_prompt_may_be_a_file_and_starts_at_the_folder_of_the_config(text, folder):
    target = database(text)

    assert (target.prompt, target.file) == (None, folder / "prompts/rfc.md")


def test_relative_paths_start_at_the_folder_of_the_config_and_not_at_the_working_folder(folder):
    inner = folder / "etc"
    inner.mkdir()
    (inner / "c.yaml").write_text(f"{BASE}state: ../s.db\n")

    assert parse(Path("etc/c.yaml")).state == folder / "etc/../s.db"


@pytest.mark.parametrize("word", ["No", "off", "2026", "1.10", "2026-11-23", "true", "0123"])
def test_a_name_needs_no_quotes_whatever_yaml_takes_it_for(word):
    target = database(f"where: {{Status: [{word}]}}")

    assert target.where == {"Status": Condition((word,))}


def test_where_takes_values_that_must_not_be_there_and_patterns():
    target = database("where: {Status: {not: Draft}, Name: {pattern: [RFC*, 'ADR-?'], is: x}}")

    assert target.where == {
        "Status": Condition(none_of=("Draft",)),
        "Name": Condition(("x",), patterns=("RFC*", "ADR-?")),
    }


@pytest.mark.parametrize(
    ("condition", "said", "holds"),
    [
        (Condition(("A", "B")), {"B", "C"}, True),
        (Condition(("A",)), set(), False),
        (Condition(none_of=("A",)), {"B"}, True),
        (Condition(none_of=("A",)), set(), True),
        (Condition(none_of=("A",)), {"A", "B"}, False),
        (Condition(patterns=("RFC-*",)), {"rfc-12: Queues"}, True),
        (Condition(patterns=("RFC-*",)), {"The RFC-12"}, False),
        (Condition(patterns=("RFC ?",)), {"RFC 12"}, False),
        (Condition(patterns=("[draft]*", "*v?")), {"[Draft] a.b"}, True),
        (Condition(patterns=("a.b",)), {"axb"}, False),
        (Condition(patterns=("*",), none_of=("x",)), {"x"}, False),
    ],
)
def test_when_a_condition_holds(condition, said, holds):
    assert condition.holds(said) is holds


def test_an_id_of_digits_alone_is_an_id():
    digits = "01234567012345670123456701234567"

    assert parsed(f"databases:\n  - id: {digits}\n").databases[0].id.replace("-", "") == digits


def test_a_section_with_every_key_commented_out_counts_as_absent():
    keys = ("limits", "notion", "alerts", "prices", "windows")

    config = parsed(BASE + "".join(f"{key}:\n  # nothing\n" for key in keys))

    assert config == parsed(BASE)


def test_a_leading_zero_is_no_octal_number():
    assert parsed(f"{BASE}watch_days: 010\n").watch_days == 10


def test_a_config_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        parsed(BASE).settle = timedelta(0)


def test_settle_may_be_as_long_as_its_limit():
    assert parsed(f"{BASE}settle: 4h\n").settle == timedelta(hours=4)


@pytest.mark.parametrize("number", [1.5, True, "4", -1, None])
def test_a_config_made_in_code_is_checked_as_one_from_a_file(number):
    with pytest.raises(ValidationError, match="does not fit; write a whole number from 0 to 3650"):
        Config(databases=(Database(id=ID),), watch_days=number)


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@given(number=st.integers(0, 3650), unit=st.sampled_from(sorted(UNITS)))
def test_a_duration_is_its_number_times_its_unit_and_can_be_written_again(number, unit):
    duration = as_duration(f"{number}{unit}")

    assert duration == timedelta(seconds=number * UNITS[unit])
    assert as_duration(duration_text(duration)) == duration


@given(st.text())
def test_no_other_text_is_a_duration(text):
    if text.strip()[:-1].strip().isdecimal() and text.strip()[-1:] in UNITS:
        return
    with pytest.raises(ValueError):
        as_duration(text)


# A15: booleans are strict.


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("True", True),
        ("yes", True),
        ("on", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        ("no", False),
        ("off", False),
        ("Off", False),
    ],
)
def test_a15_every_boolean_of_yaml_means_what_it_says(word, value):
    assert database(f"page_comment: {word}").page_comment is value


@pytest.mark.parametrize("word", ['"False"', "'off'", "0", "1", "n", "disabled", '""', "0.0"])
def test_a15_what_only_looks_like_a_boolean_is_an_error(word):
    told = word.replace("'", '"') if word[0] in "'\"01" else f'"{word}"'

    assert problems(f"{BASE}    page_comment: {word}\n") == [
        (
            f"config.yaml:3: databases[0].page_comment: {told} is not a switch; "
            "write true or false, without quotes"
        )
    ]


def test_a15_a_boolean_without_a_value_is_an_error():
    assert problems(f"{BASE}    page_comment:\n") == [
        "config.yaml:3: databases[0].page_comment: has no value; give one or delete the line"
    ]


@pytest.mark.parametrize(
    "name",
    ["https://app.notion.com/p/sk-learn-migration-plan-for-2027-" + "0" * 32, "secret_santa"],
)
def test_an_honest_value_does_not_pass_for_a_secret(name):
    assert database(f"name: {name}").name == name


# Which file.


def test_the_config_of_the_working_folder_comes_before_the_system_s(folder, monkeypatch):
    system = folder / "system.yaml"
    monkeypatch.setattr("daemon.config.loading.SYSTEM", system)
    system.touch()

    assert find(None, folder) == system
    write(BASE)
    assert find(None, folder) == folder / "config.yaml"
    assert find(Path("config.yaml"), folder) == Path("config.yaml")


def test_without_a_config_both_places_are_named(folder, monkeypatch):
    monkeypatch.setattr("daemon.config.loading.SYSTEM", folder / "etc/config.yaml")

    with pytest.raises(ConfigError) as caught:
        find(None, Path())

    assert str(caught.value) == (
        f"neither config.local.yaml nor config.yaml nor {folder}/etc/config.yaml exists; "
        "run notion-review init, or name one with --config"
    )


def test_a_named_config_that_is_missing_is_named(folder):
    with pytest.raises(ConfigError) as caught:
        find(Path("else.yaml"), folder)

    assert str(caught.value) == (
        "else.yaml: no such file; mend --config, or run notion-review init"
    )


def test_a_place_that_may_not_be_looked_at_is_taken_and_told_when_read(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "exists", refuse)

    assert find(None, folder) == folder / "config.yaml"


def test_a_config_that_cannot_be_read_says_why():
    Path("config.yaml").mkdir()
    with pytest.raises(ConfigError) as caught:
        parse(Path("config.yaml"))

    assert str(caught.value) == (
        "config.yaml: cannot be read (is a directory); mend it or name another"
    )


def test_a_config_in_another_encoding_is_told():
    Path("config.yaml").write_bytes("name: Übersicht".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        parse(Path("config.yaml"))

    assert str(caught.value) == "config.yaml: is not UTF-8; save it as UTF-8 text"


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm():
    Path("config.yaml").write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())

    assert parse(Path("config.yaml")).databases[0].id == ID


# Prompt files are looked at by `load`, since they are no matter of `status`.


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            None,
            "cannot be read (no such file or directory); paths start at the folder of the config",
        ),
        (b" \n", "is empty; write the prompt into it, or delete the key"),
        (b"\xff", "is not UTF-8; save it as UTF-8 text"),
    ],
)
def test_a_prompt_file_that_says_nothing_is_an_error_of_load_alone(folder, content, reason):
    if content is not None:
        Path("rfc.md").write_bytes(content)
    path = write(f"{BASE}    file: rfc.md\n")

    assert parse(path).databases[0].file == folder / "rfc.md"
    with pytest.raises(ConfigError) as caught:
        load(path, ENV)
    assert caught.value.problems == (f"config.yaml:3: databases[0].file: {folder}/rfc.md {reason}",)


def test_mistakes_of_the_file_come_before_those_of_the_environment():
    with pytest.raises(ConfigError) as caught:
        load(write(f"{BASE}settle: ten\n"), {})

    assert [line.partition(": ")[0] for line in caught.value.problems] == [
        "config.yaml:3",
        "NOTION_TOKEN",
    ]


# An idle check is quick.


def test_reading_a_config_imports_neither_sdk_nor_scheduler_nor_terminal():
    write(f'{BASE}schedule: {{cron: "0 * * * *", timezone: Europe/Berlin}}\n')
    code = (
        "import sys; from pathlib import Path; from daemon.config import load; "
        f"load(Path('config.yaml'), {ENV!r}); print(*sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    )

    heavy = {"anthropic", "openai", "pydantic_ai", "notion_client", "httpx", "apscheduler", "rich"}
    assert "daemon.config.loading" in run.stdout.split()
    assert heavy & set(run.stdout.split()) == set()


def test_the_untouched_example_is_told_before_anything_else_that_is_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(reference.example())
    with pytest.raises(ConfigError, match="is that of the example; run notion-review init") as told:
        load(path, {})
    assert len(told.value.problems) == 1
    assert parse_for_state(path)[1] == told.value.problems
