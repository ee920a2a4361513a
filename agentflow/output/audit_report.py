"""Audits, costs and comparisons for programs: JSON with schemas, and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from agentflow.audit.compare import Difference
from agentflow.audit.timeline import Row, timeline

if TYPE_CHECKING:
    from agentflow.audit.cost import CostLine
    from agentflow.audit.finding import Finding
    from agentflow.operations.audits import Audited, Compared

__all__ = [
    "CostReport",
    "audit_json",
    "audit_schema",
    "compared_json",
    "cost_report",
    "costs_csv",
    "costs_json",
    "costs_schema",
    "diff_schema",
    "schema_of",
    "timeline_json",
]

_SMALLEST = Decimal("0.00000001")
"""Of an estimate nothing below it means anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReport:
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingReport:
    code: str
    name: str
    severity: Literal["error", "warning", "info"]
    message: str
    hint: str
    evidence: tuple[str, ...]
    """Ids of events, the deciding one first."""
    turn: int | None
    source: PlaceReport | None
    """The line of the spec to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensReport:
    input: int
    output: int
    cache_read: int
    cache_write: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """Dollars are decimal text, so that sums stay exact; null: not known."""

    label: str
    runs: int
    turns: int
    tokens: TokensReport
    cache_ratio: float | None
    tokens_usd: str | None
    runtime_usd: str
    searches: int
    searches_usd: str
    estimate_usd: str | None
    reported_usd: str | None
    """The service's own list cost, in whole cents."""
    saved_usd: str | None
    active_s: float
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    source: Literal["ledger", "service", "file"]
    run: str | None
    session: str | None
    agent: str | None
    model: str | None
    """Whose prices the estimate is made of. Null: nothing says what model the session has."""
    verdict: str | None
    events: int
    findings: tuple[FindingReport, ...]
    cost: CostReport
    timeline: tuple[Row, ...]
    format: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsReport:
    lines: tuple[CostReport, ...]
    total: CostReport
    format: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffReport:
    before: str
    after: str
    differences: tuple[Difference, ...]
    format: Literal[1] = 1


def audit_json(audited: Audited) -> str:
    evidence = audited.evidence
    return _json(
        AuditReport(
            source=evidence.source,
            run=evidence.run_id,
            session=evidence.session_id,
            agent=evidence.facts.agent,
            model=evidence.facts.model,
            verdict=evidence.verdict,
            events=audited.story.events,
            findings=tuple(map(_finding, audited.findings)),
            cost=cost_report(audited.cost),
            timeline=timeline(audited.story),
        )
    )


def costs_json(lines: Sequence[CostLine], total: CostLine) -> str:
    return _json(CostsReport(lines=tuple(map(cost_report, lines)), total=cost_report(total)))


def compared_json(compared: Compared) -> str:
    return _json(
        DiffReport(
            before=compared.before.evidence.title,
            after=compared.after.evidence.title,
            differences=compared.differences,
        )
    )


def timeline_json(rows: Sequence[Row]) -> str:
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)


def _json(report: AuditReport | CostsReport | DiffReport) -> str:
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def _finding(finding: Finding) -> FindingReport:
    place = finding.source
    return FindingReport(
        code=finding.code,
        name=finding.name,
        severity=finding.severity.value,
        message=finding.message,
        hint=finding.hint,
        evidence=finding.evidence,
        turn=finding.turn,
        source=None if place is None else PlaceReport(
            file=place.file, line=place.line, column=place.column
        ),
    )  # fmt: skip


def cost_report(line: CostLine) -> CostReport:
    """A line of costs as JSON has it."""
    tokens = line.tokens
    return CostReport(
        label=line.label,
        runs=line.runs,
        turns=line.turns,
        tokens=TokensReport(
            input=tokens.input,
            output=tokens.output,
            cache_read=tokens.cache_read,
            cache_write=tokens.cache_write,
        ),
        cache_ratio=None if line.cache_ratio is None else round(line.cache_ratio, 4),
        tokens_usd=_dollars(line.tokens_usd),
        runtime_usd=_text(line.runtime_usd),
        searches=line.searches,
        searches_usd=_text(line.searches_usd),
        estimate_usd=_dollars(line.estimate_usd),
        reported_usd=_dollars(line.reported_usd),
        saved_usd=_dollars(line.saved_usd),
        active_s=round(line.active_s, 3),
        wall_s=round(line.wall_s, 3),
    )


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else _text(amount)


def _text(amount: Decimal) -> str:
    return f"{amount.quantize(_SMALLEST).normalize():f}"


def costs_csv(lines: Sequence[CostLine]) -> str:
    """A heading and a row for each line, as RFC 4180 has it; unknown amounts are empty."""
    file = io.StringIO()
    rows = [_flat(asdict(cost_report(line))) for line in lines]
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["label"])
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().rstrip("\r\n")


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}_{key}": inner for name, inner in value.items()})
        else:
            flat[key] = value
    return flat


def audit_schema() -> str:
    """JSON Schema of an `AuditReport`."""
    return schema_of(AuditReport)


def costs_schema() -> str:
    """JSON Schema of a `CostsReport`."""
    return schema_of(CostsReport)


def diff_schema() -> str:
    """JSON Schema of a `DiffReport`."""
    return schema_of(DiffReport)


def schema_of(report: type) -> str:
    """The JSON Schema of what a report is written as."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(report).json_schema(mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
