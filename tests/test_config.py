from datetime import timedelta

import pytest

from daemon.config import load, parse
from daemon.errors import ConfigError


ID = "01234567-89ab-cdef-0123-456789abcdef"


def write(folder, text):
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_config_with_nothing_but_an_id_has_the_documented_defaults(tmp_path):
    config = parse(write(tmp_path, f"databases:\n  - id: {ID}\n"))

    assert config.databases[0].id == ID
    assert config.settle == timedelta(minutes=10)
    assert config.state == tmp_path / "state/notion-review.db"


def test_a_mistake_names_line_key_value_and_remedy(tmp_path):
    with pytest.raises(ConfigError) as caught:
        parse(write(tmp_path, f"databases:\n  - id: {ID}\nsettle: ten\n"))

    expected = 'settle: "ten" is not a duration; write it as 90s, 10m, 1h or 30d'
    assert caught.value.problems == (f"{tmp_path}/config.yaml:3: {expected}",)


def test_a_model_without_a_key_is_left_out_and_noted(tmp_path):
    path = write(tmp_path, f"databases:\n  - id: {ID}\n")

    settings = load(path, {"NOTION_TOKEN": "token", "OPENAI_API_KEY": "key"})

    assert settings.chains == {ID: ("openai:gpt-6.1-sol",)}
    assert settings.notes == (
        "anthropic:claude-sonnet-5-5 is left out: ANTHROPIC_API_KEY is not set",
    )
