"""The layer `render`: prompt, payload and task of an agent, against a file that somebody has read."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from agentflow.compiler import late
from agentflow.compiler.template import render_task
from agentflow.testing.bench import Case
from agentflow.testing.expectations import first_difference
from agentflow.testing.prompts import prompt_misses, system_prompt
from agentflow.testing.report import Report
from agentflow.testing.results import Miss

__all__ = ["golden_text", "run_render"]


async def run_render(case: Case) -> Report:
    """Compare with the golden file, or write it where that is wanted."""
    path, text = case.file(("golden",)), golden_text(case)
    found = list(prompt_misses(case))
    known = _read(path)
    if known == text:
        return Report(misses=found, note=f"{len(text.splitlines())} lines")
    if case.bench.update:
        _write(path, text)
        name = str(path.relative_to(case.bench.root))
        return Report(misses=found, note=f"wrote {name}", written=(name,))
    update = "`agentflow test --update` writes it"
    if known is None:
        miss = Miss(("golden",), "There is no golden file yet.", "a file", f"none; {update}")
    else:
        message = f"What is compiled is another text; {update}."
        miss = Miss(("golden",), message, *first_difference(known, text))
    return Report(misses=[miss, *found])


def golden_text(case: Case) -> str:
    """All that the model and the service are told, as a Markdown page.

    Raises:
        UsageError: the inputs do not fit the task.
    """
    resource = case.bench.compiled.manifest.resource(case.agent)
    assert resource is not None, "an agent of the manifest has a payload"
    payload = {key: value for key, value in resource.payload.items() if key != "system"}
    shown = late.readable(
        json.dumps(payload, indent=2, sort_keys=True, ensure_ascii=False, default=_plain)
    )
    parts = [f"# {case.agent}", "## Payload", f"```json\n{shown}\n```"]
    task = case.policy.task
    if task is not None:
        given = {
            name: Path(value.name) if isinstance(value, Path) else value
            for name, value in case.inputs().items()
        }
        parts += ["## Task", render_task(task, given)]
    parts += ["## System prompt", late.readable(system_prompt(case))]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
