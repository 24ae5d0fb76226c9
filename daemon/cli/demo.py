"""The main job in front of one's eyes: an embedded Notion, two sweeps, and what readers see."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from daemon.service import runner as run
from daemon.cli import document as show
from daemon.config import Settings, load
from daemon.notion.gateway import Gateway
from daemon.cli.progress import on_terminal
from daemon.sandbox import Sandbox
from daemon.sweep.sweep import exit_code


_CONFIG = """\
databases:
  - id: {database}
    prompt: {prompt}
    properties: [Status, Owner]
models: [{models}]
state: notion-review.db
"""
_KEYS = {"ANTHROPIC_API_KEY": "anthropic:claude-sonnet-5-5", "OPENAI_API_KEY": "openai:gpt-6.1-sol"}


def demo(env: Mapping[str, str]) -> int:
    """Run the demo and return its exit code; it leaves nothing behind."""
    console = Console()
    box = Sandbox.with_documents()
    with TemporaryDirectory() as folder, box.serve() as url:
        settings = settings_for(Path(folder), box, url, env)
        console.print(f"An embedded Notion runs at {url} for this demo.")
        console.print(f"{reviewer(settings, box)}\n")
        console.print("[bold]First sweep[/]")
        code = _sweep(settings, console)
        asyncio.run(_show(settings, box, console))
        console.print("[bold]Second sweep[/]: nothing was edited since.")
        return max(code, _sweep(settings, console))


def _database(box: Sandbox) -> str:
    return next(iter(box.world.state.databases))


def reviewer(settings: Settings, box: Sandbox) -> str:
    """Say who reviews."""
    model = settings.chains[_database(box)][0]
    hint = ": rules, no model; set ANTHROPIC_API_KEY for one" if model == "offline" else ""
    return f"The reviewer is {model}{hint}."


def settings_for(
    folder: Path, box: Sandbox, url: str, env: Mapping[str, str], more: str = ""
) -> Settings:
    """Write a config.yaml for an embedded Notion at `url`, with `more` lines, and read it."""
    models = [model for key, model in _KEYS.items() if env.get(key) or env.get(f"{key}_FILE")]
    words = _CONFIG.format(
        database=_database(box), prompt=box.prompt.id, models=", ".join(models or ["offline"])
    )
    path = folder / "config.yaml"
    path.write_text(words + more, "utf-8")
    return load(path, {**env, "NOTION_TOKEN": box.token, "NOTION_BASE_URL": url})


def _sweep(settings: Settings, console: Console) -> int:
    with on_terminal(console) as tell:
        result, errors = run.once(settings, tell)
    for error in errors:
        console.print(f"[red]{error}[/]")
    console.print()
    return exit_code(result, errors)


async def _show(settings: Settings, box: Sandbox, console: Console) -> None:
    url = settings.addresses.notion or ""
    async with Gateway(box.token, base_url=url, requests_per_minute=600) as notion:
        async for page in notion.query(next(iter(box.world.state.sources))):
            for raw in page.rows:
                await show.show(notion, raw["id"], console)
