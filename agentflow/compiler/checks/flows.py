"""Flows: an order of the steps, paths that lead somewhere, and values that the agents take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from agentflow import codes
from agentflow.compiler.checks.inputs import Given, check_inputs
from agentflow.compiler.conditions import (
    ConditionProblem,
    Reference,
    parse_condition,
    parse_reference,
    references,
)
from agentflow.compiler.graph import AgentNode, Bound, Graph
from agentflow.diagnostics import Diagnostic, Span
from agentflow.nearest import did_you_mean, one_of
from agentflow.ports import Files
from agentflow.source.tree import Path
from agentflow.spec.refs import parse_ref

if TYPE_CHECKING:
    from agentflow.spec.flow import FlowSpec, StepSpec

__all__ = ["check_flow"]


class _Flow(NamedTuple):
    bound: Bound[FlowSpec]
    graph: Graph
    before: Mapping[str, frozenset[str]]
    """By step: those that have run when it starts."""

    def agent(self, step: StepSpec) -> AgentNode | None:
        """None: the step has none, or one that is not managed here."""
        ref = parse_ref(step.agent, "agent") if step.agent is not None else None
        return self.graph.agent(ref.name) if ref is not None and ref.name is not None else None


class _Use(NamedTuple):
    """A path in a step, and its place."""

    step: str
    reference: Reference
    span: Span
    in_item: bool
    """It is looked up once for every item of `foreach`."""


def check_flow(bound: Bound[FlowSpec], graph: Graph, files: Files) -> Iterator[Diagnostic]:
    from agentflow.compiler.callables import locate

    steps = bound.spec.steps
    yield from _needs(bound)
    flow = _Flow(bound, graph, {name: _before(steps, name) for name in steps})
    for name, step in steps.items():
        yield from _paths(flow, name, step)
        if step.python is not None:
            _, problems = locate(step.python, files, bound.span("steps", name, "python"))
            yield from problems
        agent = flow.agent(step)
        if agent is not None:
            given = Given(bound, ("steps", name, "inputs"), step.inputs)
            yield from check_inputs(agent, given, files, later=_is_from)


def _is_from(value: Any) -> bool:
    return isinstance(value, Mapping) and "from" in value


# The order


def _before(steps: Mapping[str, StepSpec], name: str) -> frozenset[str]:
    """All steps that a step needs, also through others."""
    found: set[str] = set()
    waiting = list(steps[name].needs)
    while waiting:
        step = waiting.pop()
        if step in steps and step not in found:
            found.add(step)
            waiting += steps[step].needs
    return frozenset(found)


def _needs(bound: Bound[FlowSpec]) -> Iterator[Diagnostic]:
    steps = bound.spec.steps
    for name, step in steps.items():
        for index, needed in enumerate(step.needs):
            span = bound.span("steps", name, "needs", index)
            if needed not in steps:
                message = f"The flow has no step {needed!r}."
                hint = (
                    did_you_mean(needed, steps) or f"Its steps are {one_of(steps, joined='and')}."
                )
                yield codes.STEP_NEEDS.at(span, message, hint=hint)
            elif needed in step.needs[:index]:
                message = f"The step {name!r} needs {needed!r} twice."
                yield codes.STEP_NEEDS.at(span, message, hint="Remove one of them.")
    circle = _circle(steps)
    if circle:
        message = f"The steps wait for each other: {' → '.join(circle)}."
        span = bound.span("steps", circle[0], "needs")
        yield codes.STEP_NEEDS.at(span, message, hint="Take one of them out of `needs`.")


def _circle(steps: Mapping[str, StepSpec]) -> list[str]:
    """The first circle of needs, in the order of the flow: `a → b → a`. Empty: there is none."""
    done: set[str] = set()
    for start in steps:
        chain = [start]
        waiting = [iter(steps[start].needs)]
        while waiting:
            step = next((s for s in waiting[-1] if s in steps and s not in done), None)
            if step in chain:
                return [*chain[chain.index(step) :], step]
            if step is None:
                waiting.pop()
                done.add(chain.pop())
            else:
                chain.append(step)
                waiting.append(iter(steps[step].needs))
    return []


# Paths


def _paths(flow: _Flow, name: str, step: StepSpec) -> Iterator[Diagnostic]:
    base: Path = ("steps", name)
    if step.when is not None:
        yield from _condition(flow, name, step.when, (*base, "when"))
    written: list[tuple[Path, Any, bool]] = []
    if step.foreach is not None:
        written.append(((*base, "foreach", "in"), step.foreach.in_, False))
    for index, text in enumerate(step.approve.show if step.approve is not None else ()):
        written.append(((*base, "approve", "show", index), text, False))
    for key, value in step.inputs.items():
        if _is_from(value):
            path = (*base, "inputs", key)
            if len(value) > 1:
                message = "Beside `from` there is nothing else."
                span = flow.bound.span(*path)
                yield codes.STEP_PATH.at(span, message, hint="Write `{ from: ... }` alone.")
            written.append(((*path, "from"), value["from"], step.foreach is not None))
    for path, text, in_item in written:
        span = flow.bound.span(*path)
        reference = parse_reference(text) if isinstance(text, str) else None
        if reference is None:
            message = f"{text!r} is no path." if isinstance(text, str) else "This is no path."
            hint = "Write steps.NAME.outputs.OUTPUT, or inputs.NAME."
            yield codes.STEP_PATH.at(span, message, hint=hint)
            continue
        if path[2] == "approve" and reference.steps[0] != "steps":
            message = f"{text!r} is no output: a person is shown what steps have delivered."
            hint = "Write steps.NAME.outputs.OUTPUT."
            yield codes.STEP_PATH.at(span, message, hint=hint)
            continue
        yield from _leads_somewhere(flow, _Use(name, reference, span, in_item))


def _condition(flow: _Flow, name: str, text: str, path: Path) -> Iterator[Diagnostic]:
    found = parse_condition(text)
    document = flow.bound.document
    if isinstance(found, ConditionProblem):
        span = document.text_span(path, found.start, found.end)
        yield codes.CONDITION.at(span, found.message, hint=found.hint)
        return
    for reference in references(found):
        span = document.text_span(path, reference.start, reference.end)
        yield from _leads_somewhere(flow, _Use(name, reference, span, in_item=False))


def _leads_somewhere(flow: _Flow, use: _Use) -> Iterator[Diagnostic]:
    root, *rest = use.reference.steps
    if root == "inputs":
        yield from _input(flow, use, rest)
    elif root == "steps":
        yield from _output(flow, use, rest)
    elif root != "item" or not use.in_item:
        message = f"{'.'.join(use.reference.steps)!r} is no path."
        hint = "Paths start with `steps.` or `inputs.`."
        if root == "item":
            message = f"There is no `item` here: {use.step!r} is not run for each of several."
            hint = "`item` is for the inputs of a step with `foreach`."
        yield codes.STEP_PATH.at(use.span, message, hint=hint)


def _input(flow: _Flow, use: _Use, rest: list[str]) -> Iterator[Diagnostic]:
    declared = flow.bound.spec.inputs
    if not rest or rest[0] not in declared:
        name = rest[0] if rest else ""
        message = f"The flow has no input {name!r}."
        hint = did_you_mean(name, declared) or (
            f"Its inputs are {one_of(declared, joined='and')}." if declared else "Declare it."
        )
        yield codes.STEP_PATH.at(use.span, message, hint=hint)
    elif len(rest) > 1 and declared[rest[0]].type != "file":
        message = f"The input {rest[0]!r} is a {declared[rest[0]].type}, and has nothing inside."
        yield codes.STEP_PATH.at(use.span, message, hint=f"Write inputs.{rest[0]}.")


def _output(flow: _Flow, use: _Use, rest: list[str]) -> Iterator[Diagnostic]:
    steps = flow.bound.spec.steps
    name = rest[0] if rest else ""
    if name not in steps:
        message = f"The flow has no step {name!r}."
        hint = did_you_mean(name, steps) or f"Its steps are {one_of(steps, joined='and')}."
        yield codes.STEP_PATH.at(use.span, message, hint=hint)
        return
    if name not in flow.before[use.step]:
        message = f"The step {use.step!r} uses {name!r}, which may not have run before it."
        hint = f"Add {name} to its `needs`."
        if name == use.step or use.step in flow.before[name]:
            message = f"The step {use.step!r} uses {name!r}, which runs later."
            hint = "Use an output of a step before it."
        yield codes.STEP_PATH.at(use.span, message, hint=hint)
        return
    if len(rest) < 3 or rest[1] != "outputs":
        message = f"{'.'.join(use.reference.steps)!r} leads to no output."
        meant = rest[2] if len(rest) > 2 else rest[1] if len(rest) == 2 else "OUTPUT"
        hint = f"Write steps.{name}.outputs.{meant if meant != 'outputs' else 'OUTPUT'}."
        yield codes.STEP_PATH.at(use.span, message, hint=hint)
        return
    yield from _of_step(flow, use, steps[name], rest)


def _of_step(flow: _Flow, use: _Use, step: StepSpec, rest: list[str]) -> Iterator[Diagnostic]:
    name, _, output, *inside = rest
    if step.approve is not None:
        message = f"The step {name!r} is an approval, and delivers nothing."
        hint = "Use an output of a step before it; the flow only goes on if a person approves."
        yield codes.STEP_PATH.at(use.span, message, hint=hint)
        return
    agent = flow.agent(step)
    if agent is None:
        return  # what a function returns is seen when it runs
    outputs = agent.spec.outputs
    if output not in outputs:
        message = f"Agent {agent.spec.name!r} of the step {name!r} has no output {output!r}."
        hint = did_you_mean(output, outputs) or (
            f"It delivers {one_of(outputs, joined='and')}." if outputs else "It declares none."
        )
        related = ((agent.span("outputs" if outputs else "name"), "the agent"),)
        yield codes.STEP_PATH.at(use.span, message, hint=hint, related=related)
    elif inside and not outputs[output].path.lower().endswith(".json"):
        message = f"The output {output!r} is {outputs[output].path!r}: only of JSON files a part can be taken."
        hint = f"Write steps.{name}.outputs.{output}."
        yield codes.STEP_PATH.at(use.span, message, hint=hint)
