"""The program as its script and `python -m daemon` start it: signals and streams, then all else."""

from __future__ import annotations

# Nothing that the interpreter has not loaded already, but `signal`: until `main` has set its
# handlers, a signal ends in Python's own traceback.
import io
import os
import signal
import sys


TYPE_CHECKING = False  # typing itself takes milliseconds
if TYPE_CHECKING:
    from typing import Any, NoReturn


# A live line hides it: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html (DECTCEM)
_SHOW_CURSOR = b"\x1b[?25h"


def _end(number: int, _: object) -> NoReturn:
    """End at once: an exception could be lost in an import, or end in a traceback."""
    try:
        for stream in (1, 2):
            if os.isatty(stream):
                os.write(stream, _SHOW_CURSOR)
        below = b"\n" if os.isatty(2) else b""  # the terminal shows ^C
        os.write(2, below + b"notion-review: interrupted\n")
    finally:
        os._exit(128 + number)


class _Lenient(io.FileIO):
    """A file whose failing writes are dropped: a log that nobody keeps must not stop the work."""

    def write(self, data: Any) -> int:
        """Write what can be written; tell of the rest that it is written too."""
        try:
            written = super().write(data)
        except OSError:
            written = None
        return len(data) if written is None else written


def _open_streams() -> None:
    """Open what the parent closed, so that no other file gets its number, and soften the rest."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    raw = io.BufferedWriter(_Lenient(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=True)
    # What an encoding does not know is no reason to say nothing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> NoReturn:
    """Run the program; a signal ends it from the first import on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and a shell's & have it
            signal.signal(number, _end)
    _open_streams()
    from daemon.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
