"""One table of key shapes: each is hidden in a log line and taken out of a comment."""

import pytest

from daemon.domain.secrets import HIDDEN, KEY, KEY_SHAPES, looks_secret, redactor
from daemon.review.cleaning import REMOVED, cleaned, has_secret


LETTERS = "AbCdEfGhIjKlMnOpQrStUv"
# The shortest and the plainest of each kind that must be found.
EXAMPLES = {
    "private key": ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"],
    "anthropic": ["sk-ant-api03-abcdefgh12345678", f"sk-ant-{LETTERS}"],
    "openai": [f"sk-{LETTERS}", "sk-proj-abcdefgh12345678", f"sk-svcacct-{LETTERS}"],
    "openrouter": [f"sk-or-{LETTERS}"],
    "other sk-": ["sk-lf-1a2b3c4d-5e6f"],
    "notion": ["ntn_0123456789ab", f"ntn_{LETTERS}"],
    "notion, older": [f"secret_{LETTERS}"],
    "stripe": ["sk_live_AbCdEfGhIjKlMn", "rk_live_AbCdEfGhIjKlMn", "sk_test_AbCdEfGhIjKlMn"],
    "github": [f"ghp_{LETTERS}", f"gho_{LETTERS}"],
    "github, fine-grained": ["github_pat_11ABCDEFG0aBcDeFgHiJkLm"],
    "gitlab": [f"glpat-{LETTERS}"],
    "slack": ["xoxb-0123456789-abcdefg"],
    "slack app": [f"xapp-1-{LETTERS}"],
    "aws": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "google": ["AIzaSyAbCdEfGhIjKlMnOpQrStUvWxYz01234"],
    "hugging face": [f"hf_{LETTERS}"],
    "npm": [f"npm_{LETTERS}"],
    "pypi": [f"pypi-{LETTERS}"],
    "json web token": [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "eyJhbGciOiJIUzI1NiJ9abcdef",
    ],
    "bearer": ["Bearer abcdef0123456789", f"bearer {LETTERS}"],
}
HARMLESS = (
    "sk-learn-compatible-pipelines, secret_manager_client_factory, npm_config_registry_for_builds",
    "Bearer token-based-authentication-flow, a task-oriented-programming-language",
    "https://www.notion.so/acme/Use-sk-learn-in-7-steps-1429989fe8ac4effbc8f57f56486db54",
    "https://www.notion.so/acme/sk-learn-in-7-steps-1429989fe8ac4effbc8f57f56486db54",
    "page 1429989f-e8ac-4eff-bc8f-57f56486db54, commit 4f2c1b7e9d3a4f2c1b7e9d3a4f2c1b7e9d3a4f2c",
    "http://127.0.0.1:8080/v1",
)


def test_every_shape_has_an_example():
    assert EXAMPLES.keys() == KEY_SHAPES.keys()


@pytest.mark.parametrize("key", [one for kind in EXAMPLES.values() for one in kind])
def test_a_key_is_hidden_in_a_log_line_and_in_a_comment(key):
    assert KEY.fullmatch(key)
    assert redactor()(f"refused ({key}).") == f"refused ({HIDDEN})."
    assert looks_secret(f"token: {key}")
    assert has_secret(f"token: {key}")
    assert cleaned(f"it is **{key}** now", frozenset(), 2_000) == f"it is **{REMOVED}** now"


@pytest.mark.parametrize("text", HARMLESS)
def test_words_and_addresses_are_no_keys(text):
    assert redactor()(text) == text
    assert not looks_secret(text)
    assert not has_secret(text)
