from __future__ import annotations

import subprocess
import sys

import pytest

from daemon.domain.providers import PROVIDERS
from daemon.review.models.access import ModelAccess
from daemon.review.models.cost import Tokens, cost, price_problems
from support.model_fakes import Price


SONNET, SOL = "anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol"
OWN = {"openai": "http://127.0.0.1:8080/v1"}


@pytest.mark.parametrize(
    ("name", "tokens", "dollars"),
    [
        (SONNET, Tokens(input_tokens=1_000_000), 2.0),
        (SONNET, Tokens(output_tokens=1_000_000), 10.0),
        (SONNET, Tokens(input_tokens=1_000_000, cache_read_tokens=1_000_000), 0.1),
        (SONNET, Tokens(input_tokens=1_000_000, cache_write_tokens=1_000_000), 2.5),
        (SOL, Tokens(input_tokens=100_000, cache_read_tokens=50_000), 0.105),
    ],
)
def test_the_table_counts_cache_reads_and_writes(name: str, tokens: Tokens, dollars: float) -> None:
    assert cost(name, tokens, ModelAccess()) == pytest.approx(dollars)


def test_a_price_of_the_config_goes_before_the_table() -> None:
    access = ModelAccess(prices={SONNET: Price(1.0, 2.0)})
    tokens = Tokens(input_tokens=1_000_000, cache_read_tokens=500_000, output_tokens=1_000_000)
    assert cost(SONNET, tokens, access) == pytest.approx(3.0), "cached tokens cost as input"


def test_a_model_of_ones_own_server_costs_nothing_unless_priced() -> None:
    tokens = Tokens(input_tokens=1_000_000, output_tokens=1_000_000)
    assert cost("openai:my-model", tokens, ModelAccess(urls=OWN)) == 0
    priced = ModelAccess(urls=OWN, prices={"openai:my-model": Price(0.5, 0.5)})
    assert cost("openai:my-model", tokens, priced) == pytest.approx(1.0)


def test_a_known_model_behind_a_gateway_of_ones_own_costs_what_it_costs() -> None:
    assert cost(SOL, Tokens(output_tokens=1_000_000), ModelAccess(urls=OWN)) == pytest.approx(10.0)


def test_a_model_without_a_price_is_a_problem_at_its_vendor_alone() -> None:
    names = [SONNET, "openai:brand-new", "offline"]
    (line,) = price_problems(names, ModelAccess())
    assert line == (
        "openai:brand-new: the price of this model is not known, so no limit of cost could hold; "
        "give it in config.yaml, in USD per million tokens: "
        'prices: {"openai:brand-new": {input: 1.0, output: 2.0}}'
    )
    assert price_problems(names, ModelAccess(urls=OWN)) == []
    assert price_problems(names, ModelAccess(prices={"openai:brand-new": Price(1, 2)})) == []


def test_the_vendors_own_address_in_a_variable_is_still_the_vendor() -> None:
    spelled = ModelAccess(urls={"openai": "https://api.openai.com/v1/"})
    assert not spelled.is_own_server(PROVIDERS["openai"])
    assert price_problems(["openai:brand-new"], spelled)


HEAVY = ("anthropic", "openai", "pydantic_ai", "genai_prices", "httpx2")


def test_what_an_idle_run_imports_loads_no_model_library() -> None:
    script = (
        "import sys, daemon.review.models\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
