"""How long a model may take, by whose server it is."""

from __future__ import annotations

import pytest

from daemon.cli.setup import OWN_SERVER_SECONDS
from daemon.review.models import endpoints
from daemon.review.models.access import ModelAccess


@pytest.mark.parametrize(
    ("name", "url", "seconds"),
    [
        ("openai:gpt-6.1-sol", "", endpoints.TIMEOUT_SECONDS),
        ("openai:local", "http://127.0.0.1:11434/v1", endpoints.OWN_SERVER_SECONDS),
        ("anthropic:claude-sonnet-5-5", "", endpoints.TIMEOUT_SECONDS),
        ("anthropic:claude-sonnet-5-5", "http://gateway.corp", endpoints.OWN_SERVER_SECONDS),
    ],
)
def test_a_model_on_a_slow_machine_gets_the_time_that_it_needs(
    name: str, url: str, seconds: float
) -> None:
    provider = name.partition(":")[0]
    urls = {provider: url} if url else {}
    made = endpoints.endpoint(name, ModelAccess(keys={provider: "any"}, urls=urls))
    assert made.client.timeout.read == seconds
    assert made.client.timeout.connect == endpoints.CONNECT_SECONDS
    assert made.client.max_retries == 0


def test_the_wait_for_ones_own_server_is_ended_by_the_time_of_a_review_alone() -> None:
    assert endpoints.OWN_SERVER_SECONDS > OWN_SERVER_SECONDS > endpoints.TIMEOUT_SECONDS
