"""The payload of a deployment: its sessions start by themselves, so all is known when compiled.

https://platform.claude.com/docs/en/managed-agents/scheduled-deployments
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.delivery import default_file, plain
from agentflow.compiler.graph import DeploymentNode
from agentflow.compiler.manifest import DeploymentPolicy, OutcomePolicy
from agentflow.compiler.references import resolve_path
from agentflow.compiler.render.refs import agent_reference, id_of
from agentflow.compiler.render.resource import Workbench
from agentflow.compiler.render.session import (
    file_resources,
    memory_resources,
    mounted,
    outcome_policy,
    repository_resources,
    vault_ids,
)
from agentflow.compiler.template import bind_task, render_task
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.errors import FileRefused, UsageError
from agentflow.spec.refs import parse_ref

__all__ = ["Deployed", "initial_events", "render_deployment"]


class Deployed(NamedTuple):
    payload: dict[str, Any]
    policy: DeploymentPolicy


def render_deployment(node: DeploymentNode, bench: Workbench) -> Checked[Deployed | None]:
    """The payload and the policy. What it does not say is its agent's. None: there are errors."""
    return _Deployment(node, bench).render()


class _Deployment:
    def __init__(self, node: DeploymentNode, bench: Workbench) -> None:
        self.node = node
        self.spec = node.spec
        self.agent = node.agent.spec if node.agent else None
        self.files = bench.files
        self.fragments = bench.fragments
        self.uploads = bench.uploads
        self.problems: list[Diagnostic] = []

    def render(self) -> Checked[Deployed | None]:
        ref = parse_ref(self.spec.agent, "agent")
        if ref is None or (ref.name is not None and self.agent is None):
            # The agent has errors, or there is none. What follows from that is no news.
            return Checked(None, ())
        values = self._values()
        task = self._task(values)
        outcome = self._outcome()
        environment = self.node.environment
        if self.problems or task is None or environment is None:
            # Without problems something is missing, which was reported: here, or at its agent.
            return Checked(None, tuple(self.problems))
        spec = self.spec
        payload = {
            "name": spec.title or spec.name,
            "description": spec.description,
            "agent": agent_reference(spec.agent),
            "environment_id": id_of(environment, "environment"),
            "initial_events": list(initial_events(spec.system, task, outcome)),
            "schedule": self._schedule(),
            "budget": self._budget(),
            "resources": [*self._resources(), *self._mounted_inputs(values)],
            "vault_ids": list(self._vaults()),
            "metadata": dict(sorted(spec.metadata.items())),
        }
        policy = DeploymentPolicy(
            agent=ref.address or spec.agent,
            answered_by=spec.answered_by,
        )
        return Checked(Deployed(payload, policy), ())

    # The task

    def _values(self) -> dict[str, Any]:
        """The inputs by name; a file as its path. What is missing or does not fit was reported."""
        agent = self.node.agent
        if agent is None:
            return {}
        values: dict[str, Any] = {}
        for name, rule in agent.spec.inputs.items():
            given = self.spec.inputs.get(name)
            value = rule.default if given is None else given
            if rule.type == "file":
                value = self._file(name, given) if given is not None else default_file(agent, name)
                value = None if value is None else PurePosixPath(value)
            if value is not None:
                values[name] = plain(value)
        return values

    def _file(self, name: str, given: object) -> str | None:
        if not isinstance(given, str):
            return None
        path = resolve_path(self.node.file("inputs", name), given)
        try:
            self.uploads.reference(path)
        except FileRefused as refused:
            span = self.node.span("inputs", name)
            self.problems.append(
                codes.CODES[refused.code].at(span, refused.message, hint=refused.hint)
            )
        return path

    def _task(self, values: Mapping[str, Any]) -> str | None:
        agent = self.node.agent
        own = self.node.task is not None
        template = self.node.task
        if template is None and agent is not None:
            template = agent.task
        if template is None:
            return None
        if template.is_verbatim:
            return template.text
        variables = self.node.vars if own or agent is None else agent.vars
        task, problems = bind_task(
            template,
            variables=variables,
            inputs=agent.spec.inputs if agent else (),
            files=self.files,
            fragments=self.fragments,
        )
        if own:
            # Those of the agent's task are reported at the agent.
            self.problems += problems
        if task is None:
            return None
        try:
            return render_task(task, values)
        except UsageError as error:
            span = self.node.span("task" if own else "agent")
            hint = "Give values below `inputs` that the task can use."
            self.problems.append(codes.TEMPLATE_FAILED.at(span, error.message, hint=hint))
            return None

    def _outcome(self) -> OutcomePolicy | None:
        own = self.spec.outcome is not None or self.node.agent is None
        bound = self.node if own else self.node.agent
        assert bound is not None
        outcome, problems = outcome_policy(bound, bound.spec.outcome, self.agent, self.files)
        if own:
            self.problems += problems
        return outcome

    # What its sessions are given

    def _resources(self) -> Iterator[dict[str, Any]]:
        spec, agent = self.spec, self.agent
        if spec.files is not None:
            yield from file_resources(self.node, spec.files, self.uploads)
        elif self.node.agent is not None:
            yield from file_resources(self.node.agent, self.node.agent.spec.files, self.uploads)
        repositories = agent.repositories if spec.repositories is None and agent else None
        yield from repository_resources(spec.repositories or repositories or {})
        memory = agent.memory if spec.memory is None and agent else None
        yield from memory_resources(spec.memory or memory or ())

    def _mounted_inputs(self, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """As in a run: each by its own name."""
        paths = {str(value): value for value in values.values() if isinstance(value, PurePosixPath)}
        for path in sorted(paths):
            yield mounted(f"/{paths[path].name}", self.uploads.reference(path))

    def _vaults(self) -> tuple[str, ...]:
        own = self.spec.vaults
        if own is None:
            own = self.agent.vaults if self.agent else []
        return vault_ids(own, self.agent)

    def _schedule(self) -> dict[str, Any] | None:
        schedule = self.spec.schedule
        if schedule is None:
            return None
        return {"type": "cron", "expression": schedule.cron, "timezone": schedule.timezone}

    def _budget(self) -> dict[str, Any] | None:
        usd: Decimal | None = None
        if self.spec.budget is not None:
            usd = self.spec.budget.usd
        elif self.agent is not None and self.agent.budget is not None:
            usd = self.agent.budget.usd
        if usd is None:
            return None
        amount = {"amount": str(int(usd * 100)), "currency": "USD"}
        return {"type": "limit", "max_list_cost": amount}


def initial_events(
    system: str | None, task: str, outcome: OutcomePolicy | None
) -> Iterator[dict[str, Any]]:
    """What every session of a deployment begins with.

    The outcome comes first, so that work begins under it. A message of the system has to be the last
    and to follow a message of the user directly.
    """
    if outcome is not None:
        yield {
            "type": "user.define_outcome",
            "description": outcome.description or task,
            "rubric": {"type": "text", "content": outcome.rubric},
            "max_iterations": outcome.max_iterations,
        }
    yield {"type": "user.message", "content": _text(task)}
    if system is not None:
        yield {"type": "system.message", "content": _text(system)}


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]
