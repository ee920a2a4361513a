"""[io] Is what the specs say what the service has? `run` asks before it starts a session."""

from __future__ import annotations

from typing import NamedTuple

from agentflow.compiler.manifest import Manifest
from agentflow.compiler.plan import Action, Plan, Verb
from agentflow.errors import Blocked, UsageError
from agentflow.operations.plan import make_plan
from agentflow.ports import Resources
from agentflow.records import replace
from agentflow.state.store import StateStore

__all__ = ["Applied", "check_applied", "needed_part"]


class Applied(NamedTuple):
    agent_id: str
    agent_version: int
    environment_id: str


async def check_applied(
    manifest: Manifest,
    address: str,
    resources: Resources,
    store: StateStore,
    *,
    as_applied: bool = False,
) -> Applied:
    """Ids and version of an agent and its environment as they are applied.

    Args:
        as_applied: take what is on the service, also where the specs say something else.

    Raises:
        UsageError: there is no such agent, or it names no environment.
        Blocked: it is not applied, or not as the specs say.
        ServiceError, StateError: as `make_plan`.
    """
    policy = manifest.agents.get(address)
    if policy is None:
        raise UsageError(f"There is no {address} in this project.")
    if policy.environment is None:
        raise UsageError(
            f"{address} names no environment.", hint="Add `environment:` with the name of one."
        )
    plan = await make_plan(needed_part(manifest, address), resources, store)
    _refuse_not_applied(plan, address)
    agent = _ready(plan, address, manifest, address, as_applied)
    if policy.environment.startswith("id:"):
        environment_id = policy.environment.removeprefix("id:")
    else:
        environment_id = _ready(plan, policy.environment, manifest, address, as_applied)[0]
    return Applied(agent[0], agent[1], environment_id)


def needed_part(manifest: Manifest, agent: str) -> Manifest:
    """The manifest with what an agent, its environment and all that they need has; nothing else."""
    needs = {resource.address: resource.depends_on for resource in manifest.resources}
    found: set[str] = set()
    waiting = [agent, manifest.agents[agent].environment or ""]
    while waiting:
        address = waiting.pop()
        if address not in found:
            found.add(address)
            waiting += needs.get(address, ())
    kept = tuple(resource for resource in manifest.resources if resource.address in found)
    return replace(manifest, resources=kept)


def _refuse_not_applied(plan: Plan, agent: str) -> None:
    for left in plan.not_applied:
        if left.address == agent:
            raise UsageError(
                f"{agent} needs {' and '.join(left.needs)}, which this version does not apply.",
                hint="Refer to what exists on the service already, by its id: `id:…`.",
            )


def _ready(
    plan: Plan, address: str, manifest: Manifest, agent: str, as_applied: bool
) -> tuple[str, int]:
    """Id and version (0 for kinds without) of one address."""
    action = plan.action(address)
    assert action is not None, f"{address} is not in the manifest"
    target = manifest.target.name
    if action.blocked and action.record is None:
        raise Blocked(plan.problems[0].message, hint=plan.problems[0].hint)
    if action.record is None:
        raise Blocked(
            f"{address} is not applied to target {target!r}: {action.reason}.",
            hint=f"Apply it first: agentflow apply -t {target}",
        )
    if not as_applied and (plan.blocked or action.verb is not Verb.NONE):
        raise Blocked(
            f"{address} differs from what is applied to target {target!r}: {_why(plan, action)}.",
            hint=f"Either apply it: agentflow apply -t {target}\n"
            f"Or run what is there: agentflow run {agent.partition('/')[2]} -t {target} --as-applied",
        )
    return action.record.id, action.record.version or 0


def _why(plan: Plan, action: Action) -> str:
    if action.verb is Verb.NONE and plan.problems:
        return plan.problems[0].message.rstrip(".")
    return action.reason
