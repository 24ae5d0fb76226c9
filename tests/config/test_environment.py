from pathlib import Path

import pytest

from daemon.config import Addresses, Secrets, environment, load
from daemon.domain.errors import ConfigError


ID = "01234567-89ab-cdef-0123-456789abcdef"
OTHER = "fedcba98-7654-3210-fedc-ba9876543210"
CLAUDE, GPT = "anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol"
TOKEN, ANTHROPIC, OPENAI = "planted-token", "planted-anthropic", "planted-openai"
ENV = {"NOTION_TOKEN": TOKEN, "ANTHROPIC_API_KEY": ANTHROPIC, "OPENAI_API_KEY": OPENAI}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(env, text="", entry=""):
    Path("config.yaml").write_text(f"databases:\n  - id: {ID}\n{entry}{text}\n", encoding="utf-8")
    return load(Path("config.yaml"), env)


def problems(env, text=""):
    with pytest.raises(ConfigError) as caught:
        loaded(env, text)
    return list(caught.value.problems)


def without(*names):
    return {name: value for name, value in ENV.items() if name not in names}


# Secrets.


def test_secrets_come_out_of_the_variables():
    settings = loaded(ENV)

    assert settings.secrets == Secrets(TOKEN, {"anthropic": ANTHROPIC, "openai": OPENAI})
    assert settings.secrets.values == (TOKEN, ANTHROPIC, OPENAI)
    assert (settings.addresses, settings.notes) == (Addresses(), ())


@pytest.mark.parametrize("content", ["{}", "{}\n", "{}\r\n", "\ufeff{}"])
def test_secrets_come_out_of_files_without_the_line_end(folder, content):
    env = {}
    for name, value in ENV.items():
        (folder / name).write_text(content.format(value), encoding="utf-8")
        env[f"{name}_FILE"] = str(folder / name)

    assert loaded(env).secrets == Secrets(TOKEN, {"anthropic": ANTHROPIC, "openai": OPENAI})


def test_a_variable_comes_before_its_file_and_that_is_noted(folder):
    (folder / "token").write_text("another")

    settings = loaded({**ENV, "NOTION_TOKEN_FILE": str(folder / "token")})

    assert settings.secrets.notion == TOKEN
    assert settings.notes == (
        "NOTION_TOKEN and NOTION_TOKEN_FILE are both set: NOTION_TOKEN is used",
    )


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_variable_counts_as_absent(empty, folder):
    (folder / "token").write_text(TOKEN)
    env = {**ENV, "NOTION_TOKEN": empty, "NOTION_TOKEN_FILE": str(folder / "token")}

    assert loaded(env).secrets.notion == TOKEN
    without = loaded({**ENV, "OPENAI_API_KEY": empty, "OPENAI_BASE_URL": empty})
    assert without.secrets.keys == {"anthropic": ANTHROPIC}


def test_a_missing_token_says_what_to_set():
    assert problems(without("NOTION_TOKEN")) == [
        (
            "NOTION_TOKEN: is not set; set it to the connection's token, "
            "or NOTION_TOKEN_FILE to a file that holds it"
        )
    ]


@pytest.mark.parametrize("name", list(ENV))
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read (no such file or directory); mend the path or its rights"),
        (b"", "is empty; write the key into it"),
        (b"\n \n", "is empty; write the key into it"),
        (b"\xff\xfe", "is not text; write the key into it, nothing else"),
    ],
)
def test_a_secret_file_without_a_secret_is_named_with_its_variable(folder, name, content, reason):
    if content is not None:
        (folder / "secret").write_bytes(content)
    env = {**without(name), f"{name}_FILE": f"{folder}/secret"}

    assert problems(env) == [f"{name}_FILE: {folder}/secret {reason}"]


def test_a_secret_file_that_cannot_be_opened_is_named_with_its_variable(folder):
    env = {**without("NOTION_TOKEN"), "NOTION_TOKEN_FILE": f"{folder}"}

    assert problems(env) == [
        (
            f"NOTION_TOKEN_FILE: {folder} cannot be read (is a directory); "
            "mend the path or its rights"
        )
    ]


def test_keys_that_cannot_be_read_are_not_called_missing_models_too(folder):
    env = {f"{name}_FILE": f"{folder}/{name}" for name in ENV}

    assert [line.partition(":")[0] for line in problems(env)] == list(env)


@pytest.mark.parametrize("value", ["planted token", "planted\ntoken", "plantéd", "planted\x00"])
def test_a_secret_with_characters_no_key_has_is_told_without_it(value):
    assert problems({**ENV, "NOTION_TOKEN": value}) == [
        "NOTION_TOKEN: holds characters that no key has; copy the key again"
    ]


# A1: a secret in the wrong place.


@pytest.mark.parametrize("secret", ["PLANTED", "ntn_PLANTED4567890/abcdefghijklmn", "PLANTED\x00"])
@pytest.mark.parametrize(
    "name",
    [
        *(f"{name}_FILE" for name in ENV),
        "NOTION_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "OPENAI_BASE_URL",
    ],
)
def test_a1_a_secret_in_the_wrong_variable_is_an_error_and_never_shown(name, secret):
    found = problems({**without(name.removesuffix("_FILE")), name: secret})

    assert [line.partition(":")[0] for line in found] == [name]
    assert "PLANTED" not in "".join(found)


def test_a1_no_secret_shows_in_a_repr():
    told = repr(loaded(ENV, "alerts: {url: https://alerts.example.com/planted}"))

    assert "Settings(" in told
    assert "planted" not in told


def test_a1_no_secret_shows_where_other_things_are_wrong(folder):
    (folder / "token").write_text("planted-in-file")
    env = {
        "NOTION_TOKEN_FILE": str(folder / "token"),
        "ANTHROPIC_API_KEY": "planted key",
        "OPENAI_API_KEY": "planted-openai",
        "NOTION_BASE_URL": "https://user:planted@example.com",
        "OPENAI_MODEL": "openai:planted",
    }

    found = problems(env, "settle: ten")

    assert len(found) == 4
    assert "planted" not in "".join(found)


# Addresses.


@pytest.mark.parametrize("end", ["/v1", "/v1/"])
def test_the_version_in_notions_address_is_not_doubled(end):
    settings = loaded({**ENV, "NOTION_BASE_URL": f"http://127.0.0.1:8080{end}"})

    assert settings.addresses.notion == "http://127.0.0.1:8080"


def test_addresses_lose_their_trailing_slash():
    settings = loaded(
        {
            **ENV,
            "NOTION_BASE_URL": "http://127.0.0.1:8080/",
            "ANTHROPIC_BASE_URL": "https://proxy.example.com/anthropic",
            "OPENAI_BASE_URL": "http://localhost:11434/v1/",
        }
    )

    assert settings.addresses == Addresses(
        "http://127.0.0.1:8080",
        {
            "anthropic": "https://proxy.example.com/anthropic",
            "openai": "http://localhost:11434/v1",
        },
    )


FORM = "write it as https://host/path"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("localhost:8080", f"is not an http(s) URL; {FORM}"),
        ("ftp://localhost", f"is not an http(s) URL; {FORM}"),
        ("https://", f"is not an http(s) URL; {FORM}"),
        ("https://a b", f"is not an http(s) URL; {FORM}"),
        ("https://host:port", f"is not a URL that can be read; {FORM}"),
        ("https://host:99999", f"is not a URL that can be read; {FORM}"),
        ("https://[::1", f"is not a URL that can be read; {FORM}"),
        ("https://u:p@host", "carries a user name or password; take it out of the URL"),
    ],
)
@pytest.mark.parametrize("name", ["NOTION_BASE_URL", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"])
def test_an_address_that_is_no_url_is_told(name, value, reason):
    assert problems({**ENV, name: value}) == [f"{name}: {reason}"]


# Which models are left.


def test_a_model_without_a_key_is_left_out_and_noted():
    settings = loaded(without("ANTHROPIC_API_KEY"))

    assert settings.chains == {ID: (GPT,)}
    assert settings.notes == (f"{CLAUDE} is left out: ANTHROPIC_API_KEY is not set",)


def test_an_address_does_not_stand_for_a_key():
    settings = loaded({**without("OPENAI_API_KEY"), "OPENAI_BASE_URL": "http://localhost:1/v1"})

    assert settings.chains == {ID: (CLAUDE,)}
    assert settings.notes == (f"{GPT} is left out: OPENAI_API_KEY is not set",)


def test_any_key_will_do_for_a_server_of_one_s_own():
    env = {**without("ANTHROPIC_API_KEY"), "OPENAI_BASE_URL": "http://localhost:1/v1"}

    assert loaded({**env, "OPENAI_API_KEY": "x"}).chains == {ID: (GPT,)}


def test_without_any_key_it_is_an_error_and_offline_is_not_put_in_by_itself():
    assert problems({"NOTION_TOKEN": TOKEN}) == [
        (
            f"config.yaml: models: no key for any of {CLAUDE}, {GPT}; "
            "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or list offline"
        )
    ]


def test_offline_needs_no_key():
    settings = loaded({"NOTION_TOKEN": TOKEN}, "models: [offline]")

    assert (settings.chains, settings.notes) == ({ID: ("offline",)}, ())


def test_a_database_without_a_model_is_an_error_though_another_has_one():
    other = f"  - id: {OTHER}\n    models: [offline]\n"

    with pytest.raises(ConfigError) as caught:
        loaded({"NOTION_TOKEN": TOKEN}, entry=other, text=f"models:\n  - {CLAUDE}")

    assert caught.value.problems == (
        (
            f"config.yaml:5: models: no key for any of {CLAUDE}; "
            "set ANTHROPIC_API_KEY, or list offline"
        ),
    )


def test_a_list_of_a_database_is_named_where_it_has_no_key():
    with pytest.raises(ConfigError) as caught:
        loaded(without("OPENAI_API_KEY"), entry=f"    models: [{GPT}]\n")

    assert caught.value.problems == (
        (
            f"config.yaml:3: databases[0].models: no key for any of {GPT}; "
            "set OPENAI_API_KEY, or list offline"
        ),
    )


@pytest.mark.parametrize(
    ("models", "chain"),
    [
        (None, (CLAUDE, "openai:qwen")),
        (f"[{CLAUDE}]", (CLAUDE, "openai:qwen")),
        (f"[{CLAUDE}, offline]", (CLAUDE, "openai:qwen", "offline")),
        (f"[offline, {CLAUDE}]", ("openai:qwen", "offline", CLAUDE)),
        ("[offline]", ("offline",)),
    ],
)
def test_openai_model_is_added_where_nobody_wrote_down_an_openai_model(models, chain):
    settings = loaded({**ENV, "OPENAI_MODEL": "qwen"}, f"models: {models}" if models else "")

    assert settings.chains == {ID: chain}


@pytest.mark.parametrize("text", [f"models: [{GPT}]", f"models: [{CLAUDE}, openai:x]"])
def test_openai_model_is_not_used_where_the_config_names_one_and_that_is_noted(text):
    settings = loaded({**ENV, "OPENAI_MODEL": "qwen"}, text)

    assert "openai:qwen" not in settings.chains[ID]
    assert settings.notes == ("OPENAI_MODEL is not used: the config names an OpenAI model",)


def test_an_openai_model_beside_offline_alone_is_not_used_and_that_is_noted():
    settings = loaded({**ENV, "OPENAI_MODEL": "qwen"}, "models: [offline]")

    assert settings.notes == ("OPENAI_MODEL is not used: the config asks for offline alone",)


def test_an_openai_model_of_one_database_keeps_openai_model_out_of_all():
    other = f"  - id: {OTHER}\n    models: [openai:mine]\n"

    settings = loaded({**ENV, "OPENAI_MODEL": "qwen"}, entry=other)

    assert settings.chains == {ID: (CLAUDE, GPT), OTHER: ("openai:mine",)}


@pytest.mark.parametrize("value", ["openai:qwen", "my model", "sk-proj-planted-456789"])
def test_an_openai_model_that_is_no_name_is_told_without_it(value):
    assert problems({**ENV, "OPENAI_MODEL": value}) == [
        "OPENAI_MODEL: is not a model's name; write the bare name, without openai:"
    ]


def test_a21_only_models_of_the_config_can_be_asked():
    settings = loaded({**ENV, "ANTHROPIC_MODEL": "claude-fable-5-1"}, f"models: [{CLAUDE}]")

    assert settings.chains == {ID: (CLAUDE,)}


def test_credentials_of_systemd_are_read_and_a_blank_one_is_none(tmp_path):
    (tmp_path / "notion-token").write_text("ntn_from_credential")
    (tmp_path / "anthropic-api-key").write_text("\n")
    (tmp_path / "ping-url").write_text("https://ping.example/uuid\n")
    found = environment.read({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found.problems == ()
    assert found.secrets.notion == "ntn_from_credential"
    assert found.secrets.ping == "https://ping.example/uuid"
    assert (found.secrets.keys, found.given) == ({}, frozenset())


def test_a_variable_goes_before_a_credential(tmp_path):
    (tmp_path / "notion-token").write_text("ntn_from_credential")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "NOTION_TOKEN": "ntn_from_variable"}
    assert environment.read(env).secrets.notion == "ntn_from_variable"


def test_a_ping_url_that_is_none_is_told_without_repeating_it():
    found = environment.read({"NOTION_TOKEN": "x", "PING_URL": "uuid-of-the-check"})
    assert found.problems == ("PING_URL: is no URL; set it to one that begins with https://",)


def test_the_runtime_folder_is_the_first_one_that_systemd_names():
    assert environment.read({"RUNTIME_DIRECTORY": "/run/one:/run/two"}).runtime == Path("/run/one")
    assert environment.read({}).runtime is None


# Where an installation keeps them: what a message has to name.


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service as its unit starts it: the system's config, secrets as credentials."""
    system = tmp_path / "etc"
    monkeypatch.setattr("daemon.config.environment.SYSTEM", system / "config.yaml")
    passed = tmp_path / "run/credentials/notion-review.service"
    passed.mkdir(parents=True)
    (passed / "notion-token").write_text(TOKEN)
    (passed / "openai-api-key").write_text("\n")
    return system / "config.yaml", {"CREDENTIALS_DIRECTORY": str(passed)}, passed


@pytest.mark.parametrize(
    ("under", "unit"), [("", "notion-review"), ("tools", "notion-review@tools")]
)
def test_a_service_names_its_own_files_and_the_command_that_puts_it_right(service, under, unit):
    config, env, _ = service
    folder = config.parent / under
    places = environment.read(env, folder / "config.yaml").secrets.places

    assert places["NOTION_TOKEN"].name == f"{folder}/notion-token"
    assert places["OPENAI_API_KEY"].absent == f"{folder}/openai-api-key does not exist"
    assert places["OPENAI_BASE_URL"].name == f"OPENAI_BASE_URL in {folder}/environment"
    assert {place.then for place in places.values()} == {f", then run systemctl restart {unit}"}


def test_a_run_by_the_timer_needs_no_restart(service):
    config, env, passed = service
    once = passed.rename(passed.with_name("notion-review-once.service"))
    places = environment.read({**env, "CREDENTIALS_DIRECTORY": str(once)}, config).secrets.places
    assert {place.then for place in places.values()} == {""}


def test_a_credential_that_cannot_be_used_is_named_as_the_file_it_came_from(service):
    config, env, passed = service
    (passed / "notion-token").write_bytes(b"\xff\xfe")
    (passed / "anthropic-api-key").write_text("two words")

    assert environment.read(env, config).problems == (
        f"{config.parent}/notion-token: is not text; write the key into it, nothing else",
        f"{config.parent}/anthropic-api-key: holds characters that no key has; copy the key again",
    )


def test_elsewhere_a_message_names_the_variable_or_the_file_behind_it(tmp_path):
    file = tmp_path / "key"
    file.write_text("planted-openai-key")
    env = {**without("OPENAI_API_KEY"), "OPENAI_API_KEY_FILE": str(file)}
    places = environment.read(env, tmp_path / "config.yaml").secrets.places

    assert places["NOTION_TOKEN"].name == "NOTION_TOKEN"
    assert places["OPENAI_API_KEY"].name == str(file)
    assert {place.then for place in places.values()} == {""}
