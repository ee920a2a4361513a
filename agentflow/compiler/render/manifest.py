"""Stage 4: the manifest. Payloads and policies of every spec, and where each value was written."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler import late
from agentflow.compiler.delivery import headings, output_paths, output_schema, plain
from agentflow.compiler.fragments import Fragments, check_defaults, fragments_of
from agentflow.compiler.graph import AgentNode, Bound, Graph, Misshapen
from agentflow.compiler.manifest import AgentPolicy, Compiled, Manifest, Resource, Target, digest
from agentflow.compiler.render.agent import agent_payload
from agentflow.compiler.render.circles import circles
from agentflow.compiler.render.environment import environment_payload
from agentflow.compiler.render.policy import agent_policy
from agentflow.compiler.render.raw import merge
from agentflow.compiler.section_overrides import replace_sections
from agentflow.compiler.sections import append_sections, section_data, section_texts
from agentflow.compiler.template import (
    SYSTEM_LIMIT,
    bind_task,
    check_fragment,
    check_template,
    render_prompt,
)
from agentflow.compiler.toolcard import ToolCard, tool_card
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.ports import Callables, Files

__all__ = ["render"]


class _Agent(NamedTuple):
    resource: Resource
    policy: AgentPolicy


def render(graph: Graph, files: Files, *, callables: Callables | None = None) -> Checked[Compiled]:
    """Make the payload and the policy of every spec of a graph that `validate` has passed.

    A spec whose templates have errors is left out of the manifest.
    """
    problems: list[Diagnostic] = []
    resources = [
        _resource("environment", env.address, environment_payload(env.spec), env.spec.raw)
        for env in graph.environments.values()
    ]
    fragments = fragments_of(graph)
    for left in graph.misshapen:
        problems.extend(_template_problems(left, files, fragments))
    policies: dict[str, AgentPolicy] = {}
    for node in graph.agents.values():
        agent, found = _agent(node, files, fragments, callables)
        problems.extend(found)
        if agent is not None:
            resources.append(agent.resource)
            policies[node.address] = agent.policy
    for name, bound in graph.fragments.items():
        problems.extend(check_defaults(fragments[name], bound.document))
        problems.extend(check_fragment(fragments[name], fragments=fragments, files=files))
    resources = _known_dependencies(resources)
    problems.extend(circles(graph, resources))
    manifest = Manifest(
        project=graph.project.spec.name,
        target=_target(graph),
        resources=tuple(resources),
        agents=dict(sorted(policies.items())),
    )
    return Checked(Compiled(manifest=manifest, sources=dict(_sources(graph))), tuple(problems))


def _template_problems(left: Misshapen, files: Files, fragments: Fragments) -> Iterator[Diagnostic]:
    for place, template in (("prompt", left.prompt), ("task", left.task)):
        if template is not None:
            yield from check_template(
                template,
                place=place,
                variables=left.vars,
                inputs=left.inputs,
                files=files,
                fragments=fragments,
            )


def _target(graph: Graph) -> Target:
    target = graph.target
    script = None
    if target.driver is not None:
        base = posixpath.dirname(graph.project.document.file)
        script = posixpath.normpath(posixpath.join(base, target.driver.script))
    return Target(
        name=graph.target_name, service=target.service, script=script, workspace=target.workspace
    )


def _resource(
    kind: str, address: str, payload: Mapping[str, Any], raw: Mapping[str, Any]
) -> Resource:
    merged = merge(payload, raw)
    return Resource(
        address=address,
        kind=kind,
        name=address.partition("/")[2],
        payload=merged.payload,
        depends_on=tuple(sorted(late.named(merged.payload))),
        unchecked=merged.pointers,
        digest=digest(merged.payload),
    )


def _known_dependencies(resources: Sequence[Resource]) -> list[Resource]:
    """By address, each waiting only for what is in the manifest too."""
    known = {resource.address for resource in resources}
    return [
        replace(r, depends_on=tuple(address for address in r.depends_on if address in known))
        for r in sorted(resources, key=lambda resource: resource.address)
    ]


def _agent(
    node: AgentNode, files: Files, fragments: Fragments, callables: Callables | None
) -> Checked[_Agent | None]:
    spec = node.spec
    if None in node.vars.values():
        # A value is at fault, which is reported; what a template makes of its absence is no news.
        return Checked(None, tuple(_template_problems(node.templates(), files, fragments)))
    paths = output_paths(spec)
    schemas = _schemas(node, files)
    custom = _cards(node, files, callables)
    wanted = {name: headings(out.sections) for name, out in spec.outputs.items()}
    texts, problems = replace_sections(
        node.sections,
        section_texts(spec, paths=paths, schemas=schemas, headings=wanted),
        data=section_data(spec, paths=paths, schemas=schemas, headings=wanted)
        if node.sections
        else {},
        variables=node.vars,
        inputs=spec.inputs,
        fragments=fragments,
        files=files,
    )
    prompt, found = render_prompt(
        node.prompt,
        variables=node.vars,
        inputs=spec.inputs,
        sections=texts,
        files=files,
        fragments=fragments,
    )
    problems += found
    task: str | None = None
    if node.task is not None:
        task, found = bind_task(
            node.task, variables=node.vars, inputs=spec.inputs, files=files, fragments=fragments
        )
        problems += found
    if prompt is None or (node.task is not None and task is None):
        return Checked(None, problems)
    system = append_sections(prompt.text, texts, prompt.placed)
    if len(system) > SYSTEM_LIMIT:
        problems += (_too_long(node, len(system)),)
    payload = agent_payload(spec, system=system, custom=custom)
    policy = agent_policy(node, task=task, paths=paths, schemas=schemas, custom=custom)
    return Checked(_Agent(_resource("agent", node.address, payload, spec.raw), policy), problems)


def _schemas(node: AgentNode, files: Files) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name in node.spec.outputs:
        schema = output_schema(node, name, files).value
        if schema is not None:
            found[name] = plain(schema[0])
    return found


def _cards(node: AgentNode, files: Files, ask: Callables | None) -> dict[str, ToolCard]:
    cards = {name: tool_card(node, name, files, ask).value for name in node.spec.custom}
    missing = [name for name, card in cards.items() if card is None]
    assert not missing, f"validate() lets no tool without a schema pass: {missing}"
    return {name: card for name, card in cards.items() if card is not None}


def _too_long(node: AgentNode, length: int) -> Diagnostic:
    message = (
        f"The system prompt of agent {node.spec.name!r} has {length:,} characters with its policy "
        f"sections; the service takes {SYSTEM_LIMIT:,}."
    )
    hint = "Move reference material to a file that the agent reads."
    return codes.PROMPT_TOO_LONG.at(node.span("prompt"), message, hint=hint)


def _sources(graph: Graph) -> Iterator[tuple[str, Span]]:
    for environment in graph.environments.values():
        yield environment.address, environment.span("name")
    for node in graph.agents.values():
        yield from _agent_sources(node)


def _agent_sources(node: AgentNode) -> Iterator[tuple[str, Span]]:
    address, data = node.address, node.document.data
    yield address, node.span("name")
    for field in ("prompt", "task", "environment", "uncertainty", "scratch", "repair", "budget"):
        if field in data:
            yield f"{address}#{field}", node.span(field)
    for field in ("budget", "inputs", "tools", "custom", "outputs"):
        for key in _keys(data.get(field)):
            yield f"{address}#{field}.{key}", _entry(node, field, key)
    for field in ("approvals", "done"):
        for index in _keys(data.get(field)):
            yield f"{address}#{field}.{index}", node.span(field, index)


def _keys(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _entry(node: Bound[Any], field: str, key: str) -> Span:
    """From the key to the end of its value where both are on one line; else the key alone."""
    name, value = node.span(field, key, key=True), node.span(field, key)
    if name.line != value.end_line:
        return name
    return Span(name.file, name.line, name.column, value.end_line, value.end_column)
