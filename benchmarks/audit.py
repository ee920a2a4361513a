"""What it takes to audit a long session, beside reading the same file with the fastest parser.

    python benchmarks/audit.py [--runs 5] [--events 10000 100000]

The yardstick reads the lines and parses each with orjson (`pip install orjson`), and keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from common import measure_in_turn, show

_PARSE = "import sys, orjson\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)"
_TOOLS = ("bash", "grep", "desk.search", "bash", "web_fetch")


def session(events: int) -> Iterator[dict[str, Any]]:
    """A session of turns with one tool call each, of which every thirtieth fails."""
    at = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    number = made = 0

    def event(type_: str, **fields: Any) -> dict[str, Any]:
        nonlocal at, made
        at += timedelta(milliseconds=400)
        made += 1
        return {"id": f"sevt_{made:08}", "type": type_, **fields, "processed_at": at.isoformat()}

    yield event("user.message", content=[{"type": "text", "text": "Sort all orders."}])
    yield event("session.status_running")
    while made < events - 1:
        number += 1
        start = event("span.model_request_start")
        yield start
        yield event("agent.message", content=[{"type": "text", "text": f"Order {number} is next."}])
        call = event(
            "agent.tool_use",
            name=_TOOLS[number % len(_TOOLS)],
            input={"command": f"python3 sort.py {number} > /tmp/{number}.json"},
            evaluated_permission="allow",
        )
        yield call
        usage = {
            "input_tokens": 4,
            "output_tokens": 120 + number % 90,
            "cache_creation_input_tokens": 300,
            "cache_read_input_tokens": 3_000 + number % 400 * 300,
        }
        yield event("span.model_request_end", model_request_start_id=start["id"], model_usage=usage)
        text = f"order {number}: " + "district and street, " * (number % 40)
        yield event(
            "agent.tool_result",
            tool_use_id=call["id"],
            content=[{"type": "text", "text": text}],
            is_error=number % 30 == 0,
        )
    yield event("session.status_idle", stop_reason={"type": "end_turn"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000, 100_000])
    args = parser.parse_args()
    audit = [sys.executable, "-m", "agentflow", "sessions", "audit", "--exit-zero"]
    with tempfile.TemporaryDirectory() as name:
        for events in args.events:
            path = Path(name) / f"session-{events}.jsonl"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(one) + "\n" for one in session(events))
            medians = measure_in_turn(
                {
                    "orjson": [sys.executable, "-c", _PARSE, str(path)],
                    "audit": [*audit, str(path)],
                    "audit --html": [*audit, str(path), "--html", str(Path(name) / "page.html")],
                },
                args.runs,
                scratch=Path(name),
            )
            size = path.stat().st_size / 2**20
            show(f"{events:,} events, {size:.1f} MiB", medians, "orjson")


if __name__ == "__main__":
    main()
