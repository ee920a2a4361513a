"""[io] Have a call that asks answered: by the rules, by a person, and never by default with allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agentflow.compiler.manifest import ApprovalPolicy
from agentflow.ports import Clock
from agentflow.runtime.approvals import Allow, AskPerson, decide, tool_name
from agentflow.runtime.changes import change_of
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Approval, Observer
from agentflow.runtime.people import People
from agentflow.runtime.session import Call, Decided

__all__ = ["Approver", "approve_hint"]


def approve_hint(run_id: str) -> str:
    """What to do about a run that was left waiting for a person."""
    return (
        f"See what it asks: agentflow sessions show {run_id}\n"
        f"Answer it, then go on: agentflow run --resume {run_id}"
    )


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
        people: People,
        tell: Observer,
        shown: Callable[[str], str | None] = lambda path: None,
    ) -> None:
        """`shown`: what a file of the session holds, as far as that is known."""
        self._rules = rules
        self._run_id = run_id
        self._session_id = session_id
        self._ledger = ledger
        self._clock = clock
        self._people = people
        self._tell = tell
        self._shown = shown

    async def decide(self, call: Call) -> Decided:
        name = tool_name(call.name, call.server)
        earlier = self._ledger.approval(self._session_id, call.id)
        if earlier is not None:
            # Decided by a process that died before the answer had arrived.
            return Decided(call.id, *earlier)
        answer = decide(self._rules, name, call.input)
        if isinstance(answer, AskPerson):
            return await self._ask(call, name, answer)
        if isinstance(answer, Allow):
            decided = Decided(call.id, True)
        else:
            decided = Decided(call.id, False, answer.message)
        self._record(call, decided, answer.by)
        return decided

    async def _ask(self, call: Call, name: str, rule: AskPerson) -> Decided:
        call = replace(call, change=change_of(name, call.input, self._shown))
        reply = await self._people.approval(call, name, rule)
        if reply is not None:
            message = reply.text or rule.message or "A person denied this call."
            decided = Decided(call.id, reply.allow, None if reply.allow else message)
            self._record(call, decided, reply.by, rule=rule.by, who=reply.who)
            return decided
        why = self._why(rule)
        if rule.on_timeout == "halt":
            # The question stays open: nobody has answered it, and somebody still may.
            reason = f"{why} whether {call.name} may run, and {rule.by} says to halt then."
            return Decided(call.id, False, reason, halt=True, hint=approve_hint(self._run_id))
        self._people.close(call)
        decided = Decided(call.id, False, rule.message or f"Denied. {why}.")
        nobody = not self._people.here and rule.wait_s is None
        self._record(call, decided, rule.by if nobody else "timeout", rule=rule.by)
        return decided

    def _why(self, rule: AskPerson) -> str:
        if rule.wait_s is not None:
            return f"Nobody answered within {rule.wait_s:g} s"
        return "Nobody answered" if self._people.here else "Nobody is there to be asked"

    def _record(
        self,
        call: Call,
        decided: Decided,
        by: str,
        *,
        rule: str | None = None,
        who: str | None = None,
    ) -> None:
        self._ledger.record_approval(
            run_id=self._run_id,
            session_id=self._session_id,
            call_id=call.id,
            tool=tool_name(call.name, call.server),
            allowed=decided.allow,
            by=by,
            message=decided.message,
            at=self._clock.now().isoformat(),
            rule=rule,
            who=who,
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
