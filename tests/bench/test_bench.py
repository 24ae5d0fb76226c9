"""The benchmark itself runs, and reaches what it counts; what it times is for people to judge."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from support.places import TESTS


COUNTED = re.compile(r"requests|window used|429|tokens|marks|against the earlier form")


@pytest.mark.real
def test_the_small_benchmark_reaches_every_target_that_it_counts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.run", "--small", "--json"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)
    counted = [line for line in lines if COUNTED.search(line["what"])]
    assert {line["what"].partition(".")[0] for line in lines} == set("123456789")
    assert [line for line in counted if line["reached"] is False] == []
