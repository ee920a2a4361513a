"""[io] Have a call that asks answered: by the rules, by a person, and never by default with allow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agentflow.compiler.manifest import ApprovalPolicy
from agentflow.ports import Clock
from agentflow.runtime.approvals import Allow, Answer, AskPerson, Person, decide, tool_name
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Approval, Observer
from agentflow.runtime.session import Call, Decided

__all__ = ["Approver"]


class Approver:
    """Answers the calls of one run, and writes each answer down before anybody acts on it."""

    def __init__(
        self,
        rules: Sequence[ApprovalPolicy],
        *,
        run_id: str,
        session_id: str,
        ledger: Ledger,
        clock: Clock,
        person: Person | None,
        tell: Observer,
    ) -> None:
        self._rules = rules
        self._run_id = run_id
        self._session_id = session_id
        self._ledger = ledger
        self._clock = clock
        self._person = person
        self._tell = tell

    async def decide(self, call: Call) -> Decided:
        name = tool_name(call.name, call.server)
        answer = decide(self._rules, name, call.input)
        if isinstance(answer, AskPerson):
            decided, by = await self._ask(call, answer)
        elif isinstance(answer, Allow):
            decided, by = Decided(call.id, True), answer.by
        else:
            decided, by = Decided(call.id, False, answer.message), answer.by
        if not decided.halt:
            # A run that halts leaves the question open: nobody has answered it.
            self._record(call, decided, by)
        return decided

    async def _ask(self, call: Call, rule: AskPerson) -> tuple[Decided, str]:
        """The decision, and who made it."""
        answer = await self._approval(call, rule.wait_s)
        if answer is not None:
            message = answer.message or rule.message or "A person denied this call."
            return Decided(call.id, answer.allow, None if answer.allow else message), "person"
        by = "timeout"
        if self._person is None:
            by, why = rule.by, "Nobody is there to be asked"
        elif rule.wait_s is not None:
            why = f"Nobody answered within {rule.wait_s:g} s"
        else:
            why = "Nobody answered"
        if rule.on_timeout == "halt":
            reason = f"{why} whether {call.name} may run, and {rule.by} says to halt then."
            return Decided(call.id, False, reason, halt=True), by
        return Decided(call.id, False, rule.message or f"Denied. {why}."), by

    async def _approval(self, call: Call, wait_s: float | None) -> Answer | None:
        """What a person says in time. None: nobody does."""
        if self._person is None:
            return None
        try:
            # The person is told the limit, to show it; it is kept here.
            async with asyncio.timeout(wait_s):
                return await self._person.approve(call, wait_s)
        except TimeoutError:
            return None

    def _record(self, call: Call, decided: Decided, by: str) -> None:
        self._ledger.record_approval(
            run_id=self._run_id,
            session_id=self._session_id,
            call_id=call.id,
            tool=tool_name(call.name, call.server),
            allowed=decided.allow,
            by=by,
            message=decided.message,
            at=self._clock.now().isoformat(),
        )
        self._tell(
            Approval(
                id=call.id,
                name=call.name,
                input=call.input,
                allowed=decided.allow,
                by=by,
                message=decided.message,
            )
        )
