"""What following sessions costs: an event, a thousand streams, the start of a run, a write to the ledger.

    python benchmarks/runtime.py [--rounds N] [--streams N] [--only PART ...]

Every client is a process of its own against a service in another one, in turn (A B A B ...); ratios are
of medians. The parts: `full` (one stream as fast as it is read), `pace` (100 streams, ten events a
second each), `many` (--streams streams over TLS, one event a second each, and a request in between),
`start` (to the first message) and `ledger`. `raw` needs orjson, and `ledger` compares with DBOS if it is
installed; `many` needs the openssl command, which makes a certificate.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PARTS = ("full", "pace", "many", "start", "ledger")
Figures = dict[str, list[dict[str, Any]]]


@contextmanager
def service(pem: Path | None = None) -> Iterator[str]:
    """The stub in a process of its own; its address."""
    words = [sys.executable, str(HERE / "stub_service.py"), "0", *([str(pem)] if pem else [])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield f"{'https' if pem else 'http'}://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def certificate() -> Iterator[Path]:
    """A key and a certificate for 127.0.0.1 in one file."""
    with tempfile.TemporaryDirectory() as folder:
        key, made, both = (Path(folder) / name for name in ("key.pem", "cert.pem", "both.pem"))
        words = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=stub",
        ]
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
        subprocess.run(["openssl", *words, *names], check=True, capture_output=True)
        both.write_bytes(key.read_bytes() + made.read_bytes())
        yield both


def client(kind: str, url: str, *words: str, pem: Path | None = None) -> dict[str, Any]:
    environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    if pem is not None:
        environ["SSL_CERT_FILE"] = str(pem)
    command = [sys.executable, str(HERE / "stream_clients.py"), kind, url, *words]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def in_turn(
    kinds: list[str], rounds: int, url: str, *words: str, pem: Path | None = None
) -> Figures:
    found: Figures = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            found[kind].append(client(kind, url, *words, pem=pem))
    return found


def median(figures: Figures, kind: str, name: str) -> float:
    return float(statistics.median(figure[name] for figure in figures[kind]))


def show(title: str, figures: Figures, columns: Mapping[str, str]) -> None:
    """One line a client; the ratio is that of the first column to the first client's."""
    print(f"\n{title}")
    first, *_ = figures
    name, *_ = columns
    for kind in figures:
        told = "  ".join(
            f"{median(figures, kind, column):>9.2f} {unit}" for column, unit in columns.items()
        )
        ratio = median(figures, kind, name) / median(figures, first, name)
        print(f"  {kind:<10} {told}   {ratio:>6.3f} x {first}")


def full(rounds: int) -> None:
    kinds = ["sdk", "agentflow", *(["raw"] if importlib.util.find_spec("orjson") else [])]
    with service() as url:
        figures = in_turn(kinds, rounds, url, "1", "full 6000")
    show("one full stream, 6,000 events", figures, {"us_per_event": "us of CPU an event"})
    if "raw" in figures:
        ratio = median(figures, "agentflow", "us_per_event") / median(
            figures, "raw", "us_per_event"
        )
        print(f"  agentflow is {ratio:.1f} x raw bytes and orjson")


def pace(rounds: int) -> None:
    with service() as url:
        figures = in_turn(["sdk", "agentflow"], rounds, url, "100", "pace 10 6")
    columns = {"us_per_event": "us of CPU an event", "p50_ms": "ms p50", "p99_ms": "ms p99"}
    show("100 streams, 10 events a second each", figures, columns)


def many(rounds: int, streams: int) -> None:
    if shutil.which("openssl") is None:
        print("\nmany streams: not measured, there is no openssl command")
        return
    with certificate() as pem, service(pem) as url:
        words = (str(streams), "pace 1 12", "ask")
        figures = in_turn(["sdk", "agentflow"], rounds, url, *words, pem=pem)
    columns = {
        "us_per_event": "us of CPU an event",
        "p50_ms": "ms p50",
        "p99_ms": "ms p99",
        "resident_mib": "MiB in all",
        "kib_per_stream": "KiB a stream",
        "open_s": "s to open",
    }
    show(f"{streams:,} streams over TLS, one event a second each", figures, columns)
    for kind, all_ in figures.items():
        print(f"  {kind}: a request in between: {', '.join(sorted({f['asked'] for f in all_}))}")


def start(rounds: int) -> None:
    with service() as url:
        figures = in_turn(["sdk", "agentflow"], rounds * 3, url, "1", "full 6")
    columns = {"first_send_ms": "ms to the first message", "open_cpu_ms": "ms of CPU"}
    show("start of a run to its first message, in a process that runs", figures, columns)


def ledger(rounds: int) -> None:
    from agentflow.operations.clock import SystemClock
    from agentflow.runtime.ledger import Ledger
    from agentflow.runtime.session import Outcome
    from agentflow.runtime.transcript import Transcript

    count = 500
    with tempfile.TemporaryDirectory() as folder:
        with Ledger.open(Path(folder) / "ledger.db") as book:
            book.begin_run("r", agent="agent/a", agent_id="a", agent_version=1, at="2026")
            before, after, event = "a call, before it (on disk)", "a call, after it", "an event"
            took: dict[str, list[float]] = {before: [], after: [], event: []}
            for round_ in range(rounds):
                began = time.perf_counter()
                for number in range(count):
                    id = f"{round_}-{number}"
                    book.claim_call(
                        run_id="r",
                        session_id="s",
                        call_id=id,
                        tool="t",
                        input={"n": number},
                        idempotent=False,
                        at="2026",
                    )
                took[before].append((time.perf_counter() - began) / count)
                began = time.perf_counter()
                for number in range(count):
                    id = f"{round_}-{number}"
                    book.finish_call("s", id, Outcome(text="done"), at="2026")
                took[after].append((time.perf_counter() - began) / count)
                with Transcript(Path(folder) / "t.jsonl", SystemClock()) as transcript:
                    began = time.perf_counter()
                    for number in range(count):
                        transcript.received({"id": f"{number}", "type": "agent.message"})
                        transcript.flush()
                    took[event].append((time.perf_counter() - began) / count)
        step = _dbos_step(Path(folder), count) if importlib.util.find_spec("dbos") else None
    print("\nwriting down")
    for name, all_ in took.items():
        ratio = "" if step is None else f"   {statistics.median(all_) / step:.3f} x a DBOS step"
        print(f"  {name:<28} {statistics.median(all_) * 1e6:>9.1f} us{ratio}")
    if step is None:
        print("  DBOS is not installed; where it was, a step took 1.9 to 3.9 ms on SQLite")
    else:
        print(f"  {'a DBOS step':<28} {step * 1e6:>9.1f} us")


def _dbos_step(folder: Path, count: int) -> float:
    """Seconds of one step in an async workflow on SQLite."""
    DBOS = importlib.import_module("dbos").DBOS

    database = f"sqlite:///{folder}/dbos.db"
    DBOS(config={"name": "bench", "system_database_url": database, "log_level": "ERROR"})

    @DBOS.step()  # type: ignore[untyped-decorator]
    async def one(number: int) -> int:
        return number

    @DBOS.workflow()  # type: ignore[untyped-decorator]
    async def all_of_them() -> float:
        began = time.perf_counter()
        for number in range(count):
            await one(number)
        return time.perf_counter() - began

    DBOS.launch()
    try:
        took: float = asyncio.run(all_of_them())
    finally:
        DBOS.destroy()
    return took / count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "full": lambda: full(args.rounds),
        "pace": lambda: pace(args.rounds),
        "many": lambda: many(args.rounds, args.streams),
        "start": lambda: start(args.rounds),
        "ledger": lambda: ledger(args.rounds),
    }
    for part in args.only:
        parts[part]()


if __name__ == "__main__":
    main()
