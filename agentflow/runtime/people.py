"""[io] Reach a person: at this terminal if there is one, through the ledger from any other, by a webhook.

All are asked at once, and the first answer counts, whoever gave it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from agentflow.compiler.manifest import WebhookPolicy
from agentflow.ports import Clock
from agentflow.runtime.approvals import AskPerson, Person
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Note, Observer
from agentflow.runtime.questions import (
    Kind,
    answer_question,
    close_question,
    me,
    open_question,
    question,
)
from agentflow.runtime.session import Call
from agentflow.runtime.webhook import Inquiry, Webhook
from agentflow.secret import SecretText

__all__ = ["People", "Reply"]

LOOK_EVERY_S = 0.5
"""How often the ledger is looked at for an answer from another terminal."""


@dataclass(frozen=True, slots=True)
class Reply:
    allow: bool
    text: str | None
    """What the agent is told. None: nothing in particular."""
    who: str
    by: Literal["person", "webhook"] = "person"


class Wants(Protocol):
    """What a rule, or the agent's policy about questions, says of being asked."""

    @property
    def webhook(self) -> WebhookPolicy | None: ...

    @property
    def wait_s(self) -> float | None: ...


Way = Callable[[], Awaitable[Reply | None]]
"""To ask somebody. None: they do not answer."""


class People:
    """Those who answer for one run."""

    def __init__(
        self,
        *,
        run_id: str,
        session_id: str,
        ledger: Ledger,
        clock: Clock,
        person: Person | None,
        tell: Observer,
        agent: str = "",
        unsure: Wants | None = None,
        secrets: Mapping[str, SecretText] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Those who answer for a run of `agent`.

        `unsure`: how its questions are asked. None: at terminals, for as long as it takes. `secrets`: what
        webhooks are signed with, by name.
        """
        self._run_id = run_id
        self._session_id = session_id
        self._ledger = ledger
        self._clock = clock
        self._person = person
        self._tell = tell
        self._agent = agent
        self._unsure = unsure
        self._secrets = secrets or {}
        self._draw = draw

    @property
    def here(self) -> bool:
        """Somebody sits at this terminal."""
        return self._person is not None

    async def approval(self, call: Call, tool: str, rule: AskPerson) -> Reply | None:
        """Whether the call may run. None: nobody said so in time, and the question stays open."""
        person = self._person

        async def here() -> Reply | None:
            assert person is not None
            # The person is told the limit, to show it; it is kept here.
            said = await person.approve(call, rule.wait_s)
            return None if said is None else Reply(said.allow, said.message, me())

        until = self._open(call, "approval", tool, rule.by, rule.wait_s)
        ways: list[Way] = [here] if person is not None else []
        if rule.webhook is not None:
            ways.append(self._elsewhere(rule.webhook, call, "approval", tool, rule.by, until))
        return await self._reply(call, rule.wait_s, ways, tool)

    async def answer(self, call: Call, text: str) -> Reply | None:
        """What a person says to a question of the agent. None, as above: nobody does."""
        person = self._person

        async def here() -> Reply | None:
            assert person is not None
            said = await person.answer(text)
            return None if said is None else Reply(True, said, me())

        wait_s = None if self._unsure is None else self._unsure.wait_s
        until = self._open(call, "question", call.name, None, wait_s)
        ways: list[Way] = [here] if person is not None else []
        if self._unsure is not None and self._unsure.webhook is not None:
            hook = self._unsure.webhook
            ways.append(self._elsewhere(hook, call, "question", call.name, None, until))
        return await self._reply(call, wait_s, ways, call.name)

    def _elsewhere(
        self,
        policy: WebhookPolicy,
        call: Call,
        kind: Kind,
        tool: str,
        rule: str | None,
        until: str | None,
    ) -> Way:
        """Somebody who is reached by a webhook."""
        inquiry = Inquiry(
            kind=kind,
            id=call.id,
            run_id=self._run_id,
            session_id=self._session_id,
            agent=self._agent,
            tool=tool,
            arguments=call.input,
            change=call.change,
            rule=rule,
            until=until,
        )

        async def there() -> Reply | None:
            hook = Webhook(
                policy,
                secrets=self._secrets,
                clock=self._clock,
                draw=self._draw,
                tell=self._tell,
            )
            self._tell(Note(level="info", text=f"{hook.host} is asked about {tool}."))
            said = await hook.ask(inquiry)
            return None if said is None else Reply(said.allow, said.text, said.who, "webhook")

        return there

    def close(self, call: Call) -> None:
        """No answer is wanted any more."""
        at = self._clock.now().isoformat()
        close_question(self._ledger, self._session_id, call.id, at=at)

    def _open(
        self,
        call: Call,
        kind: Kind,
        tool: str,
        rule: str | None,
        wait_s: float | None,
    ) -> str | None:
        """Write the question down; until when an answer is waited for."""
        now = self._clock.now()
        until = None if wait_s is None else (now + timedelta(seconds=wait_s)).isoformat()
        open_question(
            self._ledger,
            run_id=self._run_id,
            session_id=self._session_id,
            call_id=call.id,
            kind=kind,
            tool=tool,
            input=call.input,
            rule=rule,
            at=now.isoformat(),
            until=until,
            change=call.change,
        )
        return until

    async def _reply(
        self,
        call: Call,
        wait_s: float | None,
        ways: Sequence[Way],
        tool: str,
    ) -> Reply | None:
        written = self._written(call)
        if written is not None or (not ways and wait_s is None):
            return written
        if not self.here:
            text = f"{tool} waits for a person: agentflow sessions show {self._run_id}"
            self._tell(Note(level="info", text=text))
        reply = await self._first(call, wait_s, ways)
        if reply is not None:
            self._write(call, reply)
            # Whoever was first is who is believed, here and in the ledger.
            first = self._written(call) or reply
            reply = reply if first.who == reply.who else first
        return reply

    async def _first(
        self,
        call: Call,
        wait_s: float | None,
        ways: Sequence[Way],
    ) -> Reply | None:
        """The first answer, from here or from elsewhere. None: not in time, or nobody is left."""
        asked = {asyncio.ensure_future(way()) for way in ways}
        asked.add(asyncio.ensure_future(self._look(call)))
        waiting = set(asked)
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        if (reply := task.result()) is not None:
                            return reply
                    if wait_s is None:
                        # Whoever was here has gone, and nobody said how long to wait for others.
                        return None
        except TimeoutError:
            return None
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _look(self, call: Call) -> Reply | None:
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            written = self._written(call)
            if written is not None:
                return written

    def _written(self, call: Call) -> Reply | None:
        found = question(self._ledger, self._session_id, call.id)
        if found is None or found.allowed is None:
            return None
        return Reply(found.allowed, found.answer, found.who or "somebody")

    def _write(self, call: Call, reply: Reply) -> None:
        answer_question(
            self._ledger,
            self._session_id,
            call.id,
            allowed=reply.allow,
            answer=reply.text,
            who=reply.who,
            at=self._clock.now().isoformat(),
        )
