"""Stage 3: what a schema cannot say. Limits of the service, and names that have to fit each other.

Everything here is certain to fail later, on the service or in a run; what is only unwise is for the
linter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agentflow.compiler.checks.approvals import check_approvals
from agentflow.compiler.checks.code import check_code
from agentflow.compiler.checks.network import check_domains, check_environment
from agentflow.compiler.checks.outputs import check_outputs
from agentflow.compiler.checks.values import check_metadata, check_values
from agentflow.compiler.graph import AgentNode, Graph
from agentflow.diagnostics import Checked, Diagnostic, has_errors
from agentflow.ports import Callables, Files

__all__ = ["validate"]


def validate(graph: Graph, files: Files, *, callables: Callables | None = None) -> Checked[Graph]:
    """Check every spec; the graph that comes back has only those without errors.

    Of agents with errors it has the templates, which are checked all the same.
    """
    problems: list[Diagnostic] = []
    environments = {}
    for name, environment in graph.environments.items():
        found = [*check_environment(environment), *check_metadata(environment)]
        problems += found
        if not has_errors(found):
            environments[name] = environment
    agents = {}
    misshapen = list(graph.misshapen)
    for name, node in graph.agents.items():
        found = list(_agent(node, files, callables))
        problems += found
        if not has_errors(found):
            agents[name] = node
        else:
            misshapen.append(node.templates())
    sound = replace(graph, agents=agents, environments=environments, misshapen=tuple(misshapen))
    return Checked(sound, tuple(problems))


def _agent(node: AgentNode, files: Files, callables: Callables | None) -> Iterator[Diagnostic]:
    cards = yield from check_code(node, files, callables)
    yield from check_values(node, files)
    yield from check_domains(node)
    yield from check_outputs(node, files)
    yield from check_approvals(node, cards)
