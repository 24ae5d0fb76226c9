from pathlib import Path

import pytest

from daemon.config import parse
from daemon.config.values import shown
from daemon.domain.errors import ConfigError


ID = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = "fedcba98-7654-3210-fedc-ba9876543210"
BASE = f"databases:\n  - id: {ID}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(text):
    path = Path("config.yaml")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        parse(path)
    return list(caught.value.problems)


# Mistakes, one by one. Each text stands below the least config, whose two lines it follows.

DURATION = "is not a duration; write it as 90s, 10m, 1h or 30d"
MODEL = "is not a model"
ROUNDS = "does not fit; write a whole number from 1 to 50"

MISTAKES = [
    ("settle: ten", f'3: settle: "ten" {DURATION}'),
    ("settle: 10", f"3: settle: 10 {DURATION}"),
    ("settle: 1:30", f"3: settle: 1:30 {DURATION}"),
    ("settle: -5m", f'3: settle: "-5m" {DURATION}'),
    ("settle: 1h30m", f'3: settle: "1h30m" {DURATION}'),
    ("settle: 5w", f'3: settle: "5w" {DURATION}'),
    ("settle: 4000d", '3: settle: "4000d" is too long; ten years (3650d) is the most'),
    ("settle:", "3: settle: has no value; give one or delete the line"),
    ("settle: [10m]", "3: settle: is a list, not one value; write a text"),
    ("settle: ''", "3: settle: is empty; give a value or delete the line"),
    (
        "settle: 5h",
        ": settle_limit: 4h is shorter than settle (5h); make it longer, or settle shorter",
    ),
    (
        "settle_limit: 5m",
        "3: settle_limit: 5m is shorter than settle (10m); make it longer, or settle shorter",
    ),
    ("schedule: {every: 30s}", '3: schedule.every: "30s" is too short; 1m is the least'),
    ("schedule: {}", '3: schedule: is empty; write {every: 1h} or {cron: "0 * * * *"}'),
    ("schedule:", "3: schedule: has no value; give one or delete the line"),
    (
        "schedule: {timezone: UTC}",
        '3: schedule: is empty; write {every: 1h} or {cron: "0 * * * *"}',
    ),
    (
        'schedule: {every: 1h, cron: "0 * * * *"}',
        "3: schedule: has both every and cron; keep one",
    ),
    ("digest: {every: month}", '3: digest.every: "month" is unknown; write day or week'),
    ("digest: {to: [mail]}", '3: digest.to[0]: "mail" is unknown; write notion or alerts'),
    (
        "digest: {on: noon}",
        '3: digest.on: "noon" is no time of a day or week; write 09:00 or Mon 09:00',
    ),
    (
        "digest: {on: Mon 9:00}",
        '3: digest.on: "Mon 9:00" is no time of a day or week; write 09:00 or Mon 09:00',
    ),
    ("digest: {every: day}", '3: digest.on: "Mon 09:00" does not fit `every: day`; write 09:00'),
    (
        "digest: {every: week, on: 10:30}",
        '3: digest.on: "10:30" does not fit `every: week`; write Mon 09:00',
    ),
    (
        "digest: {every: week, to: [notion]}",
        "3: digest: reaches no prompt page; give a database a prompt, or write to: [alerts]",
    ),
    ("digest: {every: week}", "3: digest: reaches nobody; set alerts.url or alerts.command"),
    (
        'schedule: {cron: "61 * * * *"}',
        (
            "3: schedule.cron: \"61 * * * *\" has '61' as minute; write numbers from 0 to 59, "
            "a range such as 0-30, or a step such as */10"
        ),
    ),
    (
        'schedule: {cron: "0 * * * *", timezone: Europe/Berlln}',
        (
            '3: schedule.timezone: "Europe/Berlln" is not a time zone; '
            "write one such as Europe/Berlin or UTC"
        ),
    ),
    (
        'schedule: {cron: "0 * * * *", timezone: ../../etc/passwd}',
        (
            '3: schedule.timezone: "../../etc/passwd" is not a time zone; '
            "write one such as Europe/Berlin or UTC"
        ),
    ),
    ("schedule: {evry: 1h}", "3: schedule.evry: unknown key; did you mean every?"),
    ("limits: {rounds: 0}", f"3: limits.rounds: 0 {ROUNDS}"),
    (
        "limits: {rounds: 51}",
        "3: limits.rounds: 51 does not fit; write a whole number from 1 to 50",
    ),
    (
        "limits: {rounds: 1.5}",
        "3: limits.rounds: 1.5 does not fit; write a whole number from 1 to 50",
    ),
    (
        'limits: {rounds: "4"}',
        '3: limits.rounds: "4" does not fit; write a whole number from 1 to 50',
    ),
    (
        "limits: {rounds: true}",
        "3: limits.rounds: true does not fit; write a whole number from 1 to 50",
    ),
    (
        "limits: {rounds: 0x10}",
        "3: limits.rounds: 0x10 does not fit; write a whole number from 1 to 50",
    ),
    (
        "limits: {cost_per_day: -1}",
        "3: limits.cost_per_day: -1 does not fit; write US dollars from 0.01 to 1000000",
    ),
    (
        "limits: {cost_per_day: .inf}",
        "3: limits.cost_per_day: .inf does not fit; write US dollars from 0.01 to 1000000",
    ),
    (
        "limits: {tokens: 5}",
        (
            "3: limits.tokens: unknown key; known here: comments_per_block, comments_per_review, "
            "concurrent_reviews, cost_per_day, cost_per_month, cost_per_page, cost_per_review, "
            "replies_per_person, replies_per_thread, rounds, seconds_per_review, tokens_per_day, "
            "tokens_per_month, tokens_per_page, tokens_per_review"
        ),
    ),
    ("limits: 5", "3: limits: 5 is not a section; put its keys below it, indented"),
    (
        "notion: {requests_per_minute: 601}",
        "3: notion.requests_per_minute: 601 does not fit; write a whole number from 1 to 600",
    ),
    (
        "notion: {requests_per_minute: 0}",
        "3: notion.requests_per_minute: 0 does not fit; write a whole number from 1 to 600",
    ),
    (
        "models: [gpt-6.1-sol]",
        f'3: models[0]: "gpt-6.1-sol" {MODEL}; did you mean openai:gpt-6.1-sol?',
    ),
    (
        "models:\n  - offline\n  - claude-opus-5-5",
        f'5: models[1]: "claude-opus-5-5" {MODEL}; did you mean anthropic:claude-opus-5-5?',
    ),
    ("models: [OpenAI:x]", f'3: models[0]: "OpenAI:x" {MODEL}; did you mean openai:x?'),
    ("models: [antropic:x]", f'3: models[0]: "antropic:x" {MODEL}; did you mean anthropic:x?'),
    ("models: [ofline]", f'3: models[0]: "ofline" {MODEL}; did you mean offline?'),
    (
        "models: ['mistral:large']",
        f'3: models[0]: "mistral:large" {MODEL}; write anthropic:NAME, openai:NAME or offline',
    ),
    (
        "models: ['openai:']",
        f'3: models[0]: "openai:" {MODEL}; write anthropic:NAME, openai:NAME or offline',
    ),
    ("models: []", "3: models: is empty; list at least one"),
    (
        "models: offline",
        '3: models: "offline" is not a list; begin each entry with a dash, or write [one, two]',
    ),
    (
        "prices: {mine: {input: 1, output: 1}}",
        f'3: prices.mine: "mine" {MODEL}; write anthropic:NAME, openai:NAME or offline',
    ),
    ('prices: {"openai:x": {input: 1}}', "3: prices.openai:x.output: is missing; add it"),
    (
        'prices: {"openai:x": {input: 1, outptu: 2, output: 3}}',
        "3: prices.openai:x.outptu: unknown key; did you mean output?",
    ),
    (
        'windows: {"openai:x": 5}',
        "3: windows.openai:x: 5 does not fit; write a whole number from 512 to 1000000000",
    ),
    (
        "alerts: {command: curl -d x}",
        (
            '3: alerts.command: "curl -d x" is not a list; '
            "begin each entry with a dash, or write [one, two]"
        ),
    ),
    (
        "alerts: {url: alerts.example.com}",
        "3: alerts.url: is not an http(s) URL; write it as https://host/path",
    ),
    (
        "alerts: {url: 'https://[/x'}",
        "3: alerts.url: is not a URL that can be read; write it as https://host/path",
    ),
    ('state: "a\\0b"', "3: state: holds a zero byte; write a path"),
    (
        "state: ~nobody-of-that-name/x",
        '3: state: "~nobody-of-that-name/x" names a home folder that is unknown here',
    ),
    ("setle: 10m", "3: setle: unknown key; did you mean settle?"),
    ("Settle: 10m", "3: Settle: unknown key; did you mean settle?"),
    ("settle-limit: 4h", "3: settle-limit: unknown key; did you mean settle_limit?"),
    ("rounds: 4", "3: rounds: unknown key here; rounds belongs under limits"),
    ("reviewer: Ada", "3: reviewer: unknown key here; reviewer belongs under databases"),
    (
        "limits: {settle: 10m}",
        "3: limits.settle: unknown key here; settle belongs at the top level",
    ),
    (
        "notion: {zzz: 1}",
        "3: notion.zzz: unknown key; known here: requests_per_minute",
    ),
    ("? [a]\n: b", "3: a key is not a text; put it in quotes"),
    ("settle: 1m\nsettle: 1m", "4: settle: stands here again, first in line 3; keep one"),
]

ENTRY_MISTAKES = [
    ("settle: 10m", "settle: unknown key here; settle belongs at the top level"),
    ("propertys: [x]", "propertys: unknown key; did you mean properties?"),
    ("replies: never", 'replies: "never" is unknown; write any, ours, mentioned or none'),
    ("replies: off", "replies: off is unknown; write any, ours, mentioned or none"),
    (
        "prompt: our prompt",
        (
            'prompt: "our prompt" is neither an id (32 hexadecimal digits) '
            "nor a Notion URL; copy the link"
        ),
    ),
    (
        "prompt: https://example.com/p",
        (
            'prompt: "https://example.com/p" is not a URL of notion.so, notion.site, notion.com; '
            "copy the link in Notion itself"
        ),
    ),
    ("prompt: {file: x, page: y}", "prompt: is a section, not one value; write a text"),
    ("prompt: {page: x}", "prompt: is a section, not one value; write a text"),
    ("where: [Status]", "where: a list is not a section; put its keys below it, indented"),
    ("where: {Status: []}", "where.Status: is empty; list at least one"),
    (
        "where: {Status: {equals: x}}",
        (
            "where.Status: equals is unknown here; write [one, two], {not: [one, two]} or "
            '{pattern: "RFC*"}'
        ),
    ),
    (
        "where: {Status: {}}",
        'where.Status: is empty; write [one, two], {not: [one, two]} or {pattern: "RFC*"}',
    ),
    ("where: {Status: {not: []}}", "where.Status: not is empty; list at least one"),
    (
        "where: {Status: {pattern: {a: b}}}",
        "where.Status: pattern is a section, not one value; write a text",
    ),
    (
        "properties: Status",
        'properties: "Status" is not a list; begin each entry with a dash, or write [one, two]',
    ),
    ("models: []", "models: is empty; list at least one"),
    ("reviewer: [x]", "reviewer: is a list, not one value; write a text"),
    ("id: x", "id: stands here again, first in line 2; keep one"),
    (f"file: x.md\n    prompt: {OTHER}", "file: stands beside prompt; keep one of the two"),
]


@pytest.mark.parametrize(("text", "line"), MISTAKES)
def test_a_mistake_is_told_in_one_line_with_line_key_value_and_remedy(text, line):
    assert problems(f"{BASE}{text}\n") == [f"config.yaml:{line}".replace("yaml::", "yaml:")]


@pytest.mark.parametrize(("text", "line"), ENTRY_MISTAKES)
def test_a_mistake_in_a_database_names_which_one(text, line):
    assert problems(f"{BASE}    {text}\n") == [f"config.yaml:3: databases[0].{line}"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("settle: 1m", ": databases: is missing; add it"),
        ("databases:", ":1: databases: has no value; give one or delete the line"),
        ("databases: []", ":1: databases: is empty; list at least one"),
        ("databases:\n  - name: x", ":2: databases[0].id: is missing; add it"),
        ("databases:\n  -", ":2: databases[0]: has no value; give one or delete the line"),
        (
            f"databases:\n  - {ID}",
            f':2: databases[0]: "{ID}" is not a section; write it as - key: value',
        ),
        (
            f"databases:\n  id: {ID}",
            (
                ":1: databases: a section is not a list; "
                "begin each entry with a dash, or write [one, two]"
            ),
        ),
        ("- a\n- b", ":1: is not a mapping of keys; start with databases:"),
        ("just words", ":1: is not a mapping of keys; start with databases:"),
        ("", ": is empty; notion-review init writes one to start from"),
        ("# nothing\n", ": is empty; notion-review init writes one to start from"),
        (
            "databases: [",
            (
                ":1:13: is broken YAML: expected the node content, but found '<stream end>'; "
                "check indentation, brackets and quotes just before this place"
            ),
        ),
        (
            "databases:\n  - id: x\n\tname: y",
            (
                ":3:1: is broken YAML: found character '\\t' that cannot start any token; "
                "indent with spaces, and put a value that begins with a sign in quotes"
            ),
        ),
        (
            "a: 1\nprompt: file: x.md",
            (
                ":2:13: is broken YAML: mapping values are not allowed here; "
                "put a value that holds a colon in quotes, and mind the indentation"
            ),
        ),
        (
            "a: &x [*x]",
            (
                ":1:8: is broken YAML: aliases (*name) are not read; "
                "write the value out, or put it in quotes"
            ),
        ),
        (
            "a: 1\n---\na: 1",
            (
                ":2:1: is broken YAML: expected a single document in the stream, but found another "
                "document; check indentation, brackets and quotes just before this place"
            ),
        ),
        (
            'a: "\x01"',
            (
                ": is broken YAML: a character that YAML does not allow; "
                "check indentation, brackets and quotes just before this place"
            ),
        ),
        ("[" * 5000, ": is nested too deeply; a config has three levels"),
    ],
)
def test_a_file_that_is_no_config_is_told_in_one_line(text, line):
    assert problems(text) == [f"config.yaml{line}"]


def test_five_mistakes_are_five_lines_in_the_order_of_the_file():
    text = f"""\
watch_days: many
databases:
  - id: {ID}
    page_comment: "False"
  - nmae: Notes
    id: {OTHER}
settle: ten
limits:
  rounds: 0
"""
    assert problems(text) == [
        'config.yaml:1: watch_days: "many" does not fit; write a whole number from 0 to 3650',
        (
            'config.yaml:4: databases[0].page_comment: "False" is not a switch; '
            "write true or false, without quotes"
        ),
        "config.yaml:5: databases[1].nmae: unknown key; did you mean name?",
        f'config.yaml:7: settle: "ten" {DURATION}',
        "config.yaml:9: limits.rounds: 0 does not fit; write a whole number from 1 to 50",
    ]


def test_the_same_database_in_two_forms_is_an_error_though_other_keys_are_wrong():
    text = f"{BASE}  - id: https://app.notion.com/p/x-{ID.replace('-', '')}\nsettle: ten\n"

    assert problems(text) == [
        "config.yaml:3: databases[1].id: is the same database as databases[0]; keep one",
        f'config.yaml:4: settle: "ten" {DURATION}',
    ]


def test_a_message_is_one_short_line_whatever_stands_in_the_file():
    text = f'{BASE}settle: "{"x" * 500}\\n\\e[31m"\n"se\\n\\e[31mttle": 1\n'

    found = problems(text)

    assert len(found) == 2
    assert all(line.isprintable() and len(line) < 350 for line in found)


# A1: no secret in any message.

KEYS = [
    "ntn_PLANTED4567890abcdefghijklmnop",
    "secret_PLANTED67890abcdefghijklmnopqrstuvwxyz12345",
    "sk-PLANTED4567890abcdefghijklmnop",
    "sk-ant-api03-PLANTED_678-90abcdef",
    "sk-proj-PLANTED_678-90abcdef",
]
NO_PLACE = "a secret has no place in this file; take it out and set it in the environment as "


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("token", "NOTION_TOKEN"),
        ("notion_token", "NOTION_TOKEN"),
        ("NOTION_TOKEN", "NOTION_TOKEN"),
        ("anthropic_api_key", "ANTHROPIC_API_KEY"),
        ("openai-api-key", "OPENAI_API_KEY"),
        ("api_key", "NOTION_TOKEN, ANTHROPIC_API_KEY or OPENAI_API_KEY"),
        ("apiKey", "NOTION_TOKEN, ANTHROPIC_API_KEY or OPENAI_API_KEY"),
        ("password", "NOTION_TOKEN, ANTHROPIC_API_KEY or OPENAI_API_KEY"),
        ("secrets", "NOTION_TOKEN, ANTHROPIC_API_KEY or OPENAI_API_KEY"),
    ],
)
@pytest.mark.parametrize("value", ["PLANTED", "[PLANTED]", "{a: PLANTED}", KEYS[0]])
def test_a1_a_key_for_a_secret_says_where_secrets_belong(key, variable, value):
    told = [line for line in problems(f"{BASE}{key}: {value}\n") if f": {key}: " in line]

    assert told == [
        (
            f"config.yaml:3: {key}: {NO_PLACE}{variable}, "
            "or with _FILE after the name to read it from a file"
        )
    ]


@pytest.mark.parametrize("key", KEYS)
def test_a1_a_value_that_looks_like_a_secret_is_hidden_where_it_would_be_shown(key):
    assert shown(f"https://example.com/{key}") == "(hidden)"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "text",
    [
        "settle: KEY",
        "watch_days: KEY",
        "limits: KEY",
        "limits: {rounds: 'KEY'}",
        "models: [KEY]",
        "models: KEY",
        "models: ['openai:KEY']",
        "schedule: {cron: 'KEY'}",
        "schedule: {cron: '0 * * * KEY'}",
        "schedule: {cron: '0 * * * *', timezone: KEY}",
        "alerts: {url: KEY}",
        "alerts: {url: https://user:KEY@example.com}",
        "alerts: {command: [curl, -H, 'Authorization: Bearer KEY']}",
        "prices: {KEY: {}}",
        "windows: {'openai:x': KEY}",
        "state: KEY",
        "unknown: KEY",
        "unknown: [KEY]",
        "KEY: x",
        "KEY: x\nKEY: y",
        "? [KEY]\n: x",
        "KEY",
        "settle: *KEY",
        "settle: !KEY x",
        "settle: !KEY!x y",
        "settle: 'KEY",
        "settle: [KEY",
        "settle: KEY : x",
        "%TAG ! KEY",
    ],
)
def test_a1_a_secret_anywhere_in_the_file_is_an_error_and_never_shown(text, key):
    found = problems(f"{BASE}{text.replace('KEY', key)}\n")

    assert "PLANTED" not in "".join(found)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", ["id", "prompt", "file", "reviewer", "name", "replies"])
def test_a1_a_secret_in_a_database_is_an_error_and_never_shown(name, key):
    text = f"databases:\n  - {name}: {key}\n" + (f"    id: {ID}\n" if name != "id" else "")

    assert [line.partition(": a secret")[0] for line in problems(text)] == [
        f"config.yaml:2: databases[0].{name}"
    ]
