"""Stage 3: what a schema cannot say. Limits of the service, and specs that have to fit each other.

Everything here is certain to fail later, on the service or in a run; what is only unwise is for the
linter. A check is imported where a spec has what it looks at: most have little of what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentflow.compiler.checks.outputs import check_outputs
from agentflow.compiler.checks.values import (
    check_budget,
    check_inputs_declared,
    check_metadata,
    check_values,
)
from agentflow.compiler.graph import AgentNode, Bound, DeploymentNode, Graph
from agentflow.diagnostics import Checked, Diagnostic, has_errors
from agentflow.records import NamedTuple, replace
from agentflow.spec.agent import Check

if TYPE_CHECKING:
    from agentflow.compiler.toolcard import ToolCard
    from agentflow.ports import Callables, Files
    from agentflow.spec.environment import EnvironmentSpec
    from agentflow.spec.flow import FlowSpec
    from agentflow.spec.memory import MemoryStoreSpec
    from agentflow.spec.test import TestSpec
    from agentflow.spec.vault import VaultSpec

__all__ = ["validate"]


class _Scope(NamedTuple):
    """What a check may look at beside the spec."""

    graph: Graph
    files: Files
    callables: Callables | None


def validate(graph: Graph, files: Files, *, callables: Callables | None = None) -> Checked[Graph]:
    """Check every spec; the graph that comes back has only those without errors.

    Of agents with errors it has the templates, which are checked all the same.
    """
    scope = _Scope(graph, files, callables)
    demanded = _demands(graph)
    problems: list[Diagnostic] = []
    if graph.project.spec.pools:
        from agentflow.compiler.checks.pools import check_pools

        problems += check_pools(graph.project)
    sound: dict[str, dict[str, Any]] = {}
    misshapen = list(graph.misshapen)
    for kind, specs in graph.by_kind().items():
        kept = sound.setdefault(_FIELDS[kind], {})
        for name, bound in specs.items():
            check: _Check = _CHECKS.get(kind, _nothing)
            found = [*check(bound, scope), *_loosened(bound, graph), *demanded(bound)]
            problems += found
            if not has_errors(found):
                kept[name] = bound
            elif isinstance(bound, AgentNode):
                misshapen.append(bound.templates())
    checked: dict[str, Any] = {**sound, "misshapen": tuple(misshapen)}
    return Checked(replace(graph, **checked), tuple(problems))


def _loosened(bound: Bound[Any], graph: Graph) -> Iterator[Diagnostic]:
    if bound.reviewed is not None:
        from agentflow.compiler.checks.loosening import check_loosening

        yield from check_loosening(bound, graph)


def _demands(graph: Graph) -> Callable[[Bound[Any]], Iterable[Diagnostic]]:
    """What the policies of the project find in a spec."""
    if not graph.policies and not any(name.startswith("policy/") for name in graph.known or ()):
        return lambda bound: ()
    from agentflow.compiler.checks.policies import check_policies, policies_of

    policies = policies_of(graph)
    return lambda bound: check_policies(bound, policies, graph.target_name)


def _agent(node: AgentNode, scope: _Scope) -> Iterator[Diagnostic]:
    spec = node.spec
    cards: Mapping[str, ToolCard] = {}
    if spec.custom or any(isinstance(item, Check) for item in spec.done):
        from agentflow.compiler.checks.code import check_code

        cards = yield from check_code(node, scope.files, scope.callables)
    yield from check_values(node, scope.files)
    if spec.budget is not None and spec.budget.pools:
        from agentflow.compiler.checks.pools import check_pools_used

        yield from check_pools_used(node, scope.graph)
    if spec.tools.web_search is not None or spec.tools.web_fetch is not None:
        from agentflow.compiler.checks.network import check_domains

        yield from check_domains(node)
    yield from check_outputs(node, scope.files)
    if spec.approvals:
        from agentflow.compiler.checks.approvals import check_approvals

        yield from check_approvals(node, cards)
    if spec.mcp:
        from agentflow.compiler.checks.mcp import check_servers

        yield from check_servers(node, scope.graph)
    if spec.skills:
        from agentflow.compiler.checks.skills import check_skills

        yield from check_skills(node)
    if spec.team is not None:
        from agentflow.compiler.checks.team import check_team

        yield from check_team(node, scope.graph)
    if spec.mcp or spec.team is not None:
        from agentflow.compiler.checks.mcp import check_egress

        yield from check_egress(node, scope.graph)
    if any(getattr(spec, key) for key in _OF_SESSIONS):
        from agentflow.compiler.checks.sessions import check_session

        yield from check_session(node, scope.graph)


_OF_SESSIONS = ("environment", "inputs", "files", "repositories", "memory", "vaults", "mcp")
"""Fields of an agent that say what a session is given: without them there is nothing to check of it."""


def _environment(environment: Bound[EnvironmentSpec], scope: _Scope) -> Iterator[Diagnostic]:
    from agentflow.compiler.checks.network import check_environment

    yield from check_environment(environment)
    yield from check_metadata(environment)


def _deployment(node: DeploymentNode, scope: _Scope) -> Iterator[Diagnostic]:
    from agentflow.compiler.checks.deployments import check_deployment
    from agentflow.compiler.checks.mcp import check_egress
    from agentflow.compiler.checks.sessions import check_session

    yield from check_metadata(node)
    yield from check_deployment(node, scope.graph, scope.files)
    yield from check_egress(node, scope.graph)
    yield from check_session(node, scope.graph)


def _vault(vault: Bound[VaultSpec], scope: _Scope) -> Iterator[Diagnostic]:
    from agentflow.compiler.checks.vaults import check_vault

    yield from check_vault(vault)
    yield from check_metadata(vault)


def _memory(store: Bound[MemoryStoreSpec], scope: _Scope) -> Iterator[Diagnostic]:
    yield from check_metadata(store)


def _test(test: Bound[TestSpec], scope: _Scope) -> Iterator[Diagnostic]:
    from agentflow.compiler.checks.tests import check_test

    yield from check_test(test, scope.graph, scope.files, scope.callables)


def _flow(flow: Bound[FlowSpec], scope: _Scope) -> Iterator[Diagnostic]:
    from agentflow.compiler.checks.flows import check_flow

    yield from check_inputs_declared(flow, scope.files)
    yield from check_budget(flow)
    yield from check_flow(flow, scope.graph, scope.files)


def _nothing(bound: Bound[Any], scope: _Scope) -> Iterator[Diagnostic]:
    yield from ()


_Check = Callable[[Any, _Scope], Iterator[Diagnostic]]

_CHECKS: Mapping[str, _Check] = {
    "agent": _agent,
    "environment": _environment,
    "deployment": _deployment,
    "vault": _vault,
    "memorystore": _memory,
    "test": _test,
    "flow": _flow,
}
"""By kind as in addresses."""

_FIELDS: Mapping[str, str] = {
    "agent": "agents",
    "environment": "environments",
    "deployment": "deployments",
    "vault": "vaults",
    "memorystore": "memory_stores",
    "skill": "skills",
    "toolset": "toolsets",
    "fragment": "fragments",
    "overlay": "overlays",
    "policy": "policies",
    "test": "tests",
    "flow": "flows",
}
"""Kind as in addresses -> its specs in the graph."""
