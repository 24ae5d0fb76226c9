"""What other programs learned about polling: each lesson has a test that is named after it.

C is about the checkpoint and the clock, H about the hash, S about side effects, I about isolation,
D about the state, N about requests, A about the schedule. The A rows of the Lambda that this
program takes the place of have the same numbers, so lessons A1 to A4 say "of polling".

Where this design has another answer than the lesson asks for, the test shows that answer:

C5  "Never passes an unsettled page": one that settles stands in the queue, durably, with the time
    it is due, so the checkpoint may pass it. It never passes what is not queued.
H5  What was reviewed is posted where its quote still stands, looked at just before.
D1  Exits with 65, sysexits' EX_DATAERR, since 78 is for the configuration.
D6  Sweeps and decisions go after ninety days. Reviews, findings and messages stay: they are what
    keeps a point from being made again.
D7  No schema was released before the first, of which the dump is kept.
N3  Notion counts in windows of a minute, so the limit is one of minutes, not of seconds.
N4  Up to an hour, or twice the interval of the schedule where that is longer.
A2  The job only asks for a sweep: it cannot fail, be missed or run twice, so there is nothing for a
    listener to hear. What goes wrong in a sweep is told by the sweep.
A4  Tests of the service run a real scheduler, in virtual time; a sweep knows of none.
"""

from __future__ import annotations

import re
import subprocess
import sys

from support.places import TESTS


LENGTHS = {"C": 10, "H": 5, "S": 6, "I": 4, "D": 7, "N": 4}
LESSONS = [f"{letter}{n}" for letter, many in LENGTHS.items() for n in range(1, many + 1)]
NAMES = [f"test_{lesson.lower()}_" for lesson in LESSONS]
NAMES += [f"test_a{number}_of_polling_" for number in range(1, 5)]


def test_every_lesson_has_a_test():
    texts = [path.read_text("utf-8") for path in TESTS.rglob("test_*.py")]
    tests = [
        name for text in texts for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)
    ]
    assert [begins for begins in NAMES if not any(one.startswith(begins) for one in tests)] == []


def test_a4_of_polling_a_sweep_knows_of_no_scheduler():
    code = "import sys, daemon.sweep; sys.exit('apscheduler' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
