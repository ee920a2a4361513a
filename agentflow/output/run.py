"""What came of a run, as a summary for people and as JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from agentflow.output.text import clean, count, dollars, seconds
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.run import LimitHit, OutputResult, RunResult, Verdict

__all__ = [
    "OutputReport",
    "RunReport",
    "TokenReport",
    "output_report",
    "render_report",
    "render_summary",
    "report_of",
    "run_schema",
    "token_report",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReport:
    name: str
    file: str
    path: str | None
    """None: it was not delivered."""
    verified: bool
    problems: tuple[str, ...]
    sha256: str | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReport:
    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_hit_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReport:
    name: str
    limit: str
    used: str
    source: str | None
    """`file:line:column` of the YAML that set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReport:
    id: str
    tool: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The shape of `agentflow run --format json`; its JSON Schema is `schemas/run.json`."""

    run_id: str
    session_id: str | None
    agent: str
    verdict: Literal[
        "completed",
        "incomplete",
        "refused",
        "budget",
        "needs_person",
        "detached",
        "interrupted",
        "failed",
        "unknown",
    ]
    exit_code: int
    reason: str
    hint: str | None
    out_dir: str
    outputs: tuple[OutputReport, ...]
    extra_files: tuple[str, ...]
    failed_checks: tuple[str, ...]
    final_message: str
    turns: int
    tool_calls: int
    repairs: int
    reconnects: int
    tokens: TokenReport
    cost_usd: str | None
    """Decimal text. None: the model has no known price."""
    cost_is_estimate: bool
    active_s: float | None
    wall_s: float
    limit: LimitReport | None
    error: str | None
    """What went wrong, as a word that stays the same. Null: nothing did, or other fields tell it."""
    waiting: tuple[WaitingReport, ...]
    """What a person has to decide before the run can go on."""
    warnings: tuple[str, ...]


def report_of(result: RunResult) -> RunReport:
    limit = result.limit
    return RunReport(
        run_id=result.run_id,
        session_id=result.session_id,
        agent=result.agent,
        verdict=result.verdict.value,
        exit_code=result.verdict.exit_code,
        reason=result.reason,
        hint=result.hint,
        out_dir=str(result.out_dir),
        outputs=tuple(output_report(output) for output in result.outputs),
        extra_files=tuple(str(path) for path in result.extra_files),
        failed_checks=result.failed_checks,
        final_message=result.final_message,
        turns=result.turns,
        tool_calls=result.tool_calls,
        repairs=result.repairs,
        reconnects=result.reconnects,
        tokens=token_report(result.tokens),
        cost_usd=None if result.cost_usd is None else str(result.cost_usd),
        cost_is_estimate=result.cost_is_estimate,
        active_s=result.active_s,
        wall_s=result.wall_s,
        limit=_limit(limit) if limit else None,
        error=result.error,
        waiting=tuple(
            WaitingReport(id=one.id, tool=one.tool, input=one.input) for one in result.waiting
        ),
        warnings=result.warnings,
    )


def token_report(tokens: TokenUsage) -> TokenReport:
    return TokenReport(
        input=tokens.input,
        output=tokens.output,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        cache_hit_ratio=tokens.cache_hit_ratio,
    )


def _limit(limit: LimitHit) -> LimitReport:
    return LimitReport(
        name=limit.name,
        limit=limit.limit,
        used=limit.used,
        source=str(limit.source) if limit.source else None,
    )


def output_report(output: OutputResult) -> OutputReport:
    return OutputReport(
        name=output.name,
        file=output.filename,
        path=str(output.path) if output.path else None,
        verified=output.path is not None and not output.problems,
        problems=output.problems,
        sha256=output.sha256,
        size_bytes=output.size_bytes,
    )


def render_report(result: RunResult) -> str:
    """JSON of a `RunReport`, indented."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(RunReport)
    return json.dumps(
        adapter.dump_python(report_of(result), mode="json"), indent=2, ensure_ascii=False
    )


def run_schema() -> str:
    """JSON Schema of a `RunReport`."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(RunReport).json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


_COLOR = {
    Verdict.COMPLETED: "32",
    Verdict.DETACHED: "32",
    Verdict.INTERRUPTED: "33",
    Verdict.BUDGET: "33",
}


def render_summary(result: RunResult, *, color: bool) -> str:
    """The closing lines of a run: verdict, outputs with their places, what it took."""
    word = result.verdict.value.replace("_", " ")
    head = f"\033[1;{_COLOR.get(result.verdict, '31')}m{word}\033[0m" if color else word
    lines = [f"{head}: {clean(result.reason)}"]
    if result.limit is not None:
        limit = result.limit
        where = f", set at {limit.source}" if limit.source else ""
        lines.append(f"  limit   budget.{limit.name}: {limit.used} used of {limit.limit}{where}")
    for output in result.outputs:
        lines.append(f"  output  {_line(output)}")
        if output.path is not None:  # that it is missing is said already
            lines += [f"          - {clean(problem)}" for problem in output.problems]
    lines += [f"  extra   {_relative(path)} (not declared)" for path in result.extra_files]
    lines += [f"  check   {clean(problem)}" for problem in result.failed_checks]
    lines += [f"  warning {clean(warning)}" for warning in result.warnings]
    lines += [
        f"  work    {count(result.turns, 'turn')}, {count(result.tool_calls, 'tool call')}, "
        f"{count(result.repairs, 'repair')}, {count(result.reconnects, 'reconnect')}",
        f"  tokens  {_tokens(result)}",
        f"  cost    {_cost(result.cost_usd, estimate=result.cost_is_estimate)}",
        f"  time    {_active(result.active_s)}{seconds(result.wall_s)} in all",
    ]
    session = f"session {result.session_id}" if result.session_id else "no session"
    lines.append(f"  run     {result.run_id}, {session}")
    if result.hint:
        lines += [f"  hint: {line}" for line in clean(result.hint).split("\n")]
    return "\n".join(lines)


def _line(output: OutputResult) -> str:
    if output.path is None:
        return f"{output.name}: {output.filename} {'is missing' if output.required else 'was not delivered (optional)'}"
    state = "invalid" if output.problems else "verified"
    size = f"{output.size_bytes:,} bytes, " if output.size_bytes is not None else ""
    return f"{output.name}: {_relative(output.path)} ({size}{state})"


def _relative(path: Path) -> str:
    return clean(os.path.relpath(path))


def _tokens(result: RunResult) -> str:
    tokens = result.tokens
    hit = result.cache_hit_ratio
    share = "" if hit is None else f" (cache hits {hit:.0%})"
    return (
        f"{tokens.input:,} input, {tokens.output:,} output, "
        f"{tokens.cache_read:,} cache read, {tokens.cache_write:,} cache write{share}"
    )


def _cost(amount: Decimal | None, *, estimate: bool) -> str:
    if amount is None:
        return "unknown: the model has no list price here"
    if estimate:
        return f"{dollars(amount)} by our estimate"
    return f"${amount:,.2f} at list price"  # the service tells whole cents


def _active(active_s: float | None) -> str:
    return "" if active_s is None else f"{seconds(active_s)} active, "
