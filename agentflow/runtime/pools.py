"""[io] What runs draw from together, shared through the ledger by every process that has it.

A run holds a part of a pool before it works: what it has used, and a tenth of what nobody holds. Each
time its usage is known it settles: what it used is written down and a new part is held, in one
transaction. It is stopped once it has used all that the others leave. So

    used by all <= limit + the cost of one turn per thread of each run in flight

because between two settlements a run goes beyond what it holds only by turns that were under way.
The part of a run that nobody follows any more is what it is known to have used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentflow.compiler.manifest import BudgetPolicy, PoolPolicy
from agentflow.diagnostics import Span
from agentflow.errors import BudgetReached, UsageError
from agentflow.ports import Clock
from agentflow.runtime import prices
from agentflow.runtime.budget import Limits, Usage, amount_text
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.run import LimitHit, Verdict

__all__ = [
    "DEAD_AFTER_S",
    "Measure",
    "Purse",
    "Standing",
    "measure_text",
    "measures",
    "part",
    "period_of",
    "pool_key",
    "refill",
    "standing",
]

NANO = 1_000_000_000
"""Dollars are kept as whole billionths: sums stay exact, and a token costs a hundred of them."""

SHARE = 10
"""A run holds one part in so many of what nobody holds: many runs may start, and none takes it all."""

DEAD_AFTER_S = 60.0
"""A run that has not said for so long that it is followed holds nothing beyond what it used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a pool is used, in its unit: billionths of a dollar, or tokens."""

    limit: int
    used: int
    """By all runs of the period."""
    held: int
    """By runs in flight, beyond what they used."""
    runs: int
    """In flight, that hold something."""


class Measure(NamedTuple):
    pool: PoolPolicy
    name: str
    """`usd` or `tokens`."""
    limit: int


def measures(pools: Sequence[PoolPolicy]) -> Iterator[Measure]:
    """What is limited of pools: each has a line of its own in the ledger."""
    for pool in pools:
        if pool.usd is not None:
            yield Measure(pool, "usd", int(Decimal(pool.usd) * NANO))
        if pool.tokens is not None:
            yield Measure(pool, "tokens", pool.tokens)


def period_of(pool: PoolPolicy, at: datetime, run_id: str, flow: str | None) -> str:
    """Which filling of a pool a run draws from: a day, a month, or what it has to itself."""
    if pool.per == "run":
        return run_id
    if pool.per == "flow":
        return flow or run_id
    local = at.astimezone(_zone(pool))
    return f"{local:%Y-%m-%d}" if pool.per == "day" else f"{local:%Y-%m}"


def refill(pool: PoolPolicy, at: datetime) -> datetime | None:
    """When a pool is full again. None: it never is, another run or flow has one of its own."""
    if pool.per in ("run", "flow"):
        return None
    local = at.astimezone(_zone(pool))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if pool.per == "day":
        return midnight + timedelta(days=1)
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


def _zone(pool: PoolPolicy) -> tzinfo:
    """Raises `UsageError` on a machine that does not know the zone."""
    if pool.timezone == "UTC":
        return UTC
    try:
        return ZoneInfo(pool.timezone)
    except ZoneInfoNotFoundError as error:
        raise UsageError(
            f"This machine does not know the time zone {pool.timezone!r} of the pool {pool.name!r}.",
            hint="Install its time zone data, or write UTC.",
        ) from error


def pool_key(name: str, pools_of: str | None) -> str:
    """What a pool is called in the ledger; `pools_of` as in a `RunRequest`."""
    return name if pools_of is None else f"{name}@{pools_of}"


def part(room: int, own: int | None) -> int:
    """What a run holds beyond what it used, of `room` that is left for it; `own`: its own limit's rest."""
    if room <= 0:
        return 0
    wanted = max(1, room // SHARE)
    return wanted if own is None else min(wanted, max(0, own))


@contextmanager
def _transaction(ledger: Ledger) -> Iterator[None]:
    """What is lost with the machine is settled anew by whoever goes on, so nobody waits for the disk."""
    ledger.note("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        ledger.note("ROLLBACK")
        raise
    ledger.note("COMMIT")


_OTHERS = """\
SELECT s.spent, s.held, s.settled_at, r.ended_at, r.verdict, r.seen_at
FROM pool_shares s LEFT JOIN runs r ON r.id = s.run_id
WHERE s.pool=? AND s.measure=? AND s.period=? AND s.run_id<>? AND s.held > s.spent
"""


def standing(
    ledger: Ledger, measure: tuple[str, str, str], limit: int, now: datetime, *, but: str = ""
) -> Standing:
    """How far a pool is used by all runs, or by all but one.

    Args:
        ledger: of the project.
        measure: name of the pool, `usd` or `tokens`, and period.
        limit: of the pool.
        now: runs that have said nothing for long hold nothing.
        but: the run that is left out.
    """
    [(used,)] = ledger.rows(
        "SELECT coalesce(sum(spent), 0) FROM pool_shares "
        "WHERE pool=? AND measure=? AND period=? AND run_id<>?",
        *measure,
        but,
    )
    beyond = [
        held - spent
        for spent, held, *life in ledger.rows(_OTHERS, *measure, but)
        if _in_flight(now, *life)
    ]
    return Standing(limit=limit, used=used, held=sum(beyond), runs=len(beyond))


def _in_flight(
    now: datetime, settled: str, ended: str | None, verdict: str | None, seen: str | None
) -> bool:
    if verdict == Verdict.DETACHED:
        return True  # nobody settles, and the session works on
    if ended is not None:
        return False
    last = max(datetime.fromisoformat(settled), datetime.fromisoformat(seen or settled))
    return now - last < timedelta(seconds=DEAD_AFTER_S)


class Purse:
    """What one run draws from pools. Without pools it costs nothing and never stops anything."""

    def __init__(
        self,
        ledger: Ledger,
        limits: Limits,
        *,
        run_id: str,
        flow: str | None,
        clock: Clock,
        pools_of: str | None = None,
    ) -> None:
        """The arguments are as in a `RunRequest`."""
        self._ledger = ledger
        self._limits = limits
        self._run_id = run_id
        self._clock = clock
        self._at = clock.now()
        pools = limits.budget.pools if limits.budget is not None else ()
        self._measures = [
            (
                measure,
                (
                    pool_key(measure.pool.name, pools_of),
                    measure.name,
                    period_of(measure.pool, self._at, run_id, flow),
                ),
            )
            for measure in measures(pools)
        ]
        self._settled: tuple[object, ...] | None = None

    def open(self, *, detached: bool = False) -> None:
        """Hold a part of every pool before any work. `detached`: all that the run may ever use.

        Raises:
            BudgetReached: a pool is used up.
            UsageError: a pool counts dollars, and the model has no price.
            StateError: the ledger cannot be used.
        """
        if not self._measures:
            return
        for measure, _ in self._measures:
            if measure.name == "usd" and not prices.is_priced(self._limits.model):
                raise UsageError(
                    f"The pool {measure.pool.name!r} counts dollars, and {self._limits.model!r} has no "
                    "list price here: what it costs could not be taken from it.",
                    hint="Give the pool a limit of tokens, or the agent another pool.",
                )
        with _transaction(self._ledger):
            for measure, key in self._measures:
                others = self._others(measure, key)
                mine = self._spent(key)
                if mine + others.used + others.held >= measure.limit:
                    raise self._used_up(measure, others, mine)
                self._hold(measure, key, mine, others, all_of_it=detached)

    @property
    def cap_usd(self) -> Decimal | None:
        """The most that the pools can ever give this run. None: they do not count dollars."""
        caps = [
            measure.limit - self._others(measure, key).used + self._before(key)
            for measure, key in self._measures
            if measure.name == "usd"
        ]
        return Decimal(max(0, min(caps))) / NANO if caps else None

    def cap_hit(self) -> LimitHit | None:
        """The pool that leaves a run less dollars than it may use by itself. None: none does."""
        for measure, key in self._measures:
            own = _own(self._limits.budget, measure)
            others = self._others(measure, key)
            left = measure.limit - others.used
            if measure.name == "usd" and own is not None and left + self._before(key) < own:
                return self._hit(measure, replace(others, held=0), left)
        return None

    def settle(self, usage: Usage) -> LimitHit | None:
        """Write down what is used by now, and hold more. The pool that has no more, if one has not."""
        seen = (usage.summed, usage.list_cost_cents, usage.reported)
        if not self._measures or seen == self._settled:
            return None
        self._settled = seen
        hit: LimitHit | None = None
        with _transaction(self._ledger):
            for measure, key in self._measures:
                others = self._others(measure, key)
                mine = self._used(usage, measure, key)
                self._hold(measure, key, mine, others)
                if hit is None and mine + others.used + others.held >= measure.limit:
                    hit = self._hit(measure, others, mine)
        return hit

    def close(self, usage: Usage | None = None, *, keep: bool = False) -> None:
        """Give back what is held beyond what was used. `keep`: nobody settles, and it works on.

        Args:
            usage: None: what was written down last is all that is known.
            keep: hold on to it.
        """
        if not self._measures:
            return
        with _transaction(self._ledger):
            for measure, key in self._measures:
                if usage is not None:
                    self._write(key, self._used(usage, measure, key), held=None)
                if not keep:
                    self._write(key, self._spent(key), held=0)

    def _others(self, measure: Measure, key: tuple[str, str, str]) -> Standing:
        return standing(self._ledger, key, measure.limit, self._clock.now(), but=self._run_id)

    def _spent(self, key: tuple[str, str, str]) -> int:
        rows = self._ledger.rows(
            "SELECT spent FROM pool_shares WHERE pool=? AND measure=? AND period=? AND run_id=?",
            *key,
            self._run_id,
        )
        return int(rows[0][0]) if rows else 0

    def _used(self, usage: Usage, measure: Measure, key: tuple[str, str, str]) -> int:
        """Of this period: what the run used in one before was taken from that one."""
        total = usage.tokens.total
        if measure.name == "usd":
            cost = usage.known_cost_usd
            if cost is None:
                return self._spent(key)  # `open` lets nothing begin that has no price
            total = int((cost * NANO).to_integral_value(ROUND_CEILING))
        return max(0, total - self._before(key))

    def _before(self, key: tuple[str, str, str]) -> int:
        """What the run drew from the same pool in earlier periods."""
        pool, measure, period = key
        [(before,)] = self._ledger.rows(
            "SELECT coalesce(sum(spent), 0) FROM pool_shares "
            "WHERE pool=? AND measure=? AND period<>? AND run_id=?",
            pool,
            measure,
            period,
            self._run_id,
        )
        return int(before)

    def _hold(
        self,
        measure: Measure,
        key: tuple[str, str, str],
        mine: int,
        others: Standing,
        *,
        all_of_it: bool = False,
    ) -> None:
        room = measure.limit - others.used - others.held - mine
        own = _own(self._limits.budget, measure)
        rest = None if own is None else own - mine
        more = part(room, rest)
        if all_of_it:
            more = max(0, room if rest is None else min(room, rest))
        self._write(key, mine, held=mine + more)

    def _write(self, key: tuple[str, str, str], spent: int, *, held: int | None) -> None:
        """`held`: None: as it is."""
        self._ledger.note(
            "INSERT INTO pool_shares(pool, measure, period, run_id, spent, held, settled_at) "
            "VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET spent=excluded.spent, "
            "held=coalesce(?, held), settled_at=excluded.settled_at",
            *key,
            self._run_id,
            spent,
            spent if held is None else held,
            self._clock.now().astimezone(UTC).isoformat(),
            held,
        )

    # Words

    def _used_up(self, measure: Measure, others: Standing, mine: int) -> BudgetReached:
        pool = measure.pool
        place = self._limits.source(f"pools.{pool.name}")
        used = measure_text(measure, others.used + mine)
        held = ""
        if others.held:
            runs = "1 run" if others.runs == 1 else f"{others.runs} runs"
            held = f", and {measure_text(measure, others.held)} are held by {runs} in flight"
        where = f" ({place})" if place else ""
        return BudgetReached(
            f"The pool {pool.name!r} is used up: {used} of {measure_text(measure, measure.limit)} are "
            f"used{held}{where}.",
            hint=_advice(pool, self._at, place),
        )

    def _hit(self, measure: Measure, others: Standing, mine: int) -> LimitHit:
        pool = measure.pool
        place = self._limits.source(f"pools.{pool.name}")
        limit = f"{measure_text(measure, measure.limit)} per {pool.per}"
        used = measure_text(measure, others.used + others.held + mine)
        return LimitHit(
            name=f"pools.{pool.name}",
            limit=limit,
            used=used,
            source=place,
            advice=_advice(pool, self._at, place),
        )


def _own(budget: BudgetPolicy | None, measure: Measure) -> int | None:
    if budget is None:
        return None
    if measure.name == "tokens":
        return budget.tokens
    return None if budget.usd is None else int(Decimal(budget.usd) * NANO)


def measure_text(measure: Measure, value: int) -> str:
    """An amount of a pool as a person reads it."""
    number = Decimal(value) / NANO if measure.name == "usd" else Decimal(value)
    return amount_text(measure.name, number)


def _advice(pool: PoolPolicy, at: datetime, place: Span | None) -> str:
    where = f" at {place}" if place else ""
    full = refill(pool, at)
    if full is None:
        return f"Raise the limit of the pool{where}."
    when = f"{full:%Y-%m-%d %H:%M} {pool.timezone}"
    return f"It is full again at {when}. To go on before, raise its limit{where}."
