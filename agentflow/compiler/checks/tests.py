"""Tests: what they call, expect and give is something that their agent has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from agentflow import codes
from agentflow.compiler.checks.inputs import Given, check_inputs
from agentflow.compiler.globs import globs_meet
from agentflow.compiler.graph import AgentNode, Bound, Graph
from agentflow.compiler.sections import ASK_USER
from agentflow.diagnostics import Diagnostic, Span
from agentflow.nearest import did_you_mean, one_of
from agentflow.source.tree import Path
from agentflow.spec.refs import parse_ref
from agentflow.spec.tool import BUILT_IN_TOOLS, declared_tools

if TYPE_CHECKING:
    from agentflow.ports import Callables, Files
    from agentflow.spec.test import TestSpec

__all__ = ["check_test"]

_RUNS = ("loop", "live")
"""Layers with a run, which needs all inputs. A replay has them from its cassette."""


def check_test(
    bound: Bound[TestSpec], graph: Graph, files: Files, ask: Callables | None
) -> Iterator[Diagnostic]:
    spec = bound.spec
    yield from _target(bound, graph)
    yield from _checks(bound, files)
    ref = parse_ref(spec.agent, "agent")
    agent = graph.agent(ref.name) if ref is not None and ref.name is not None else None
    if agent is None:
        return
    needed = None if spec.layer in _RUNS else ()
    yield from check_inputs(agent, Given(bound, ("inputs",), spec.inputs), files, needed=needed)
    yield from _calls(bound, agent, files, ask)
    yield from _tools(bound, agent, graph)
    yield from _outputs(bound, agent)


def _target(bound: Bound[TestSpec], graph: Graph) -> Iterator[Diagnostic]:
    target = bound.spec.target
    known = {*graph.project.spec.targets, "local"}
    if target is not None and target not in known:
        message = f"The project has no target {target!r}."
        hint = did_you_mean(target, known) or f"Targets are {one_of(sorted(known), joined='and')}."
        yield codes.UNKNOWN_TARGET.at(bound.span("target"), message, hint=hint)


def _checks(bound: Bound[TestSpec], files: Files) -> Iterator[Diagnostic]:
    for index, reference in enumerate(bound.spec.expect.checks):
        from agentflow.compiler.callables import locate, parameters

        span = bound.span("expect", "checks", index)
        found, problems = locate(reference, files, span)
        yield from problems
        takes = None if found is None else parameters(found)
        if found is not None and takes is not None:
            least, most = takes.positional
            if not least <= 1 <= most:
                message = f"The check {found.function}() cannot be called with one argument."
                hint = f"Write `def {found.function}(outputs): ...`: the outputs by name, as paths."
                yield codes.CALLABLE_MISMATCH.at(span, message, hint=hint)


def _calls(
    bound: Bound[TestSpec], agent: AgentNode, files: Files, ask: Callables | None
) -> Iterator[Diagnostic]:
    for index, call in enumerate(bound.spec.calls or ()):
        if call.tool not in agent.spec.custom:
            span = bound.span("calls", index, "tool")
            yield _no_tool(call.tool, agent, span, agent.spec.custom, "custom tool")
            continue
        if call.error is not None:
            continue  # it may be about wrong arguments
        from agentflow.compiler.toolcard import tool_card

        card = tool_card(agent, call.tool, files, ask).value
        properties = card.input_schema.get("properties") if card is not None else None
        if card is None or not isinstance(properties, Mapping):
            continue
        for name in call.arguments:
            if name not in properties and card.input_schema.get("additionalProperties") is not True:
                message = f"The tool {call.tool!r} has no argument {name!r}."
                hint = did_you_mean(name, properties) or (
                    f"It takes {one_of(properties, joined='and')}."
                    if properties
                    else "It takes none."
                )
                span = bound.span("calls", index, "arguments", name, key=True)
                yield codes.TEST_EXPECTS.at(span, message, hint=hint)
        required = card.input_schema.get("required")
        names = required if isinstance(required, list) else []
        missing = [n for n in names if isinstance(n, str) and n not in call.arguments]
        if missing:
            message = f"The call of {call.tool!r} lacks the argument {missing[0]!r}."
            hint = "Write it below `arguments`, or expect an `error`."
            yield codes.TEST_EXPECTS.at(bound.span("calls", index), message, hint=hint)


def _no_tool(
    tool: str, agent: AgentNode, span: Span, have: Collection[str], what: str
) -> Diagnostic:
    message = f"Agent {agent.spec.name!r} has no {what} {tool!r}."
    hint = did_you_mean(tool, have) or (
        f"It has {one_of(sorted(have), joined='and')}." if have else "It has none."
    )
    related = ((agent.span("name"), "the agent"),)
    return codes.TEST_EXPECTS.at(span, message, hint=hint, related=related)


def _tools(bound: Bound[TestSpec], agent: AgentNode, graph: Graph) -> Iterator[Diagnostic]:
    """Tools that have to be called are on; those that must not be called at least exist."""
    on = _on(agent)
    team = on.union(*(_on(member) for member in _team(agent, graph)))
    exist = {*on, *BUILT_IN_TOOLS, ASK_USER}
    exist |= {f"{server}.{tool}" for server, spec in agent.spec.mcp.items() for tool in spec.tools}
    tools = bound.spec.expect.tools
    base: Path = ("expect", "tools")
    named: list[tuple[str, Path, Collection[str], bool]] = []
    if tools is not None:
        for group, those in (("must", on), ("order", on), ("never", exist)):
            calls = getattr(tools, group) or ()
            named += [(c.tool, (*base, group, i), those, False) for i, c in enumerate(calls)]
        named += [(t, (*base, "counts", t), on, True) for t in tools.counts or ()]
    for index, asked in enumerate(bound.spec.expect.approvals or ()):
        named.append((asked.tool, ("expect", "approvals", index, "tool"), on, False))
    named += [(tool, ("stubs", tool), team, True) for tool in bound.spec.stubs]
    for index, fault in enumerate(bound.spec.faults):
        if fault.tool is not None:
            named.append((fault.tool, ("faults", index, "tool"), on, False))
    for tool, path, known, key in named:
        if not any(globs_meet(tool, name) for name in known):
            yield _no_tool(tool, agent, bound.span(*path, key=key), known, "tool")


def _team(agent: AgentNode, graph: Graph) -> Iterator[AgentNode]:
    """Agents of the project that it hands work to."""
    for reference in graph.references:
        kind, _, name = reference.target.partition("/")
        member = graph.agent(name) if kind == "agent" else None
        if reference.source == agent.address and member is not None:
            yield member


def _on(agent: AgentNode) -> set[str]:
    """Tools the agent can call; `server.*` for those of a server that are not named."""
    found = {*declared_tools(agent.spec.tools), *agent.spec.custom}
    for server, spec in agent.spec.mcp.items():
        found |= {f"{server}.{name}" for name, tool in spec.tools.items() if tool.policy != "off"}
        if spec.others != "off":
            found.add(f"{server}.*")
    uncertainty = agent.spec.uncertainty
    if uncertainty is not None and uncertainty.mode == "ask":
        found.add(ASK_USER)
    return found


def _outputs(bound: Bound[TestSpec], agent: AgentNode) -> Iterator[Diagnostic]:
    expected, declared = bound.spec.expect.outputs, agent.spec.outputs
    if expected == "valid":
        if not declared:
            message = (
                f"Agent {agent.spec.name!r} declares no outputs, so none of them can be valid."
            )
            hint = "Declare them in the agent, or remove the line."
            related = ((agent.span("name"), "the agent"),)
            span = bound.span("expect", "outputs")
            yield codes.TEST_EXPECTS.at(span, message, hint=hint, related=related)
        return
    for name in expected or ():
        if name not in declared:
            message = f"Agent {agent.spec.name!r} has no output {name!r}."
            hint = did_you_mean(name, declared) or (
                f"It delivers {one_of(declared, joined='and')}."
                if declared
                else "It declares none."
            )
            span = bound.span("expect", "outputs", name, key=True)
            yield codes.TEST_EXPECTS.at(span, message, hint=hint)
