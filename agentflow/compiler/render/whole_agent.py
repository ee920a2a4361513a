"""An agent as a whole: its texts rendered, its files found, then payload and policy of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from agentflow import codes
from agentflow.compiler.delivery import headings, output_paths, output_schema, plain
from agentflow.compiler.graph import AgentNode, Misshapen
from agentflow.compiler.render.agent import agent_payload
from agentflow.compiler.render.resource import Workbench
from agentflow.compiler.render.session import session_policy
from agentflow.compiler.sections import append_sections, section_data, section_texts
from agentflow.compiler.template import SYSTEM_LIMIT, bind_task, check_template, render_prompt
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.records import NamedTuple

if TYPE_CHECKING:
    from agentflow.compiler.manifest import AgentPolicy
    from agentflow.compiler.toolcard import ToolCard
    from agentflow.ports import Files

__all__ = ["Rendered", "policy_sections", "render_agent", "template_problems"]


class Rendered(NamedTuple):
    """Each makes one: whoever looks for problems alone does without."""

    payload: Callable[[], dict[str, Any]]
    policy: Callable[[], AgentPolicy]


def template_problems(left: Misshapen, bench: Workbench) -> Iterator[Diagnostic]:
    """What is wrong with the texts of an agent that cannot be rendered."""
    for place, template in (("prompt", left.prompt), ("task", left.task)):
        if template is not None:
            yield from check_template(
                template,
                place=place,
                variables=left.vars,
                inputs=left.inputs,
                files=bench.files,
                fragments=bench.fragments,
            )
    for name, template in left.sections.items():
        from agentflow.compiler.section_overrides import check_section

        yield from check_section(
            name,
            template,
            variables=left.vars,
            inputs=left.inputs,
            files=bench.files,
            fragments=bench.fragments,
        )


def render_agent(node: AgentNode, bench: Workbench) -> Checked[Rendered | None]:
    """The payload and the policy. None: there are errors."""
    spec, files, fragments = node.spec, bench.files, bench.fragments
    if None in node.vars.values():
        # A value is at fault, which is reported; what a template makes of its absence is no news.
        return Checked(None, tuple(template_problems(node.templates(), bench)))
    paths = output_paths(spec)
    schemas = _schemas(node, files)
    custom = _cards(node, bench)
    texts, problems = policy_sections(node, bench)
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
            node.task,
            variables=node.vars,
            inputs=spec.inputs,
            files=files,
            fragments=fragments,
            bound=bench.bound,
        )
        problems += found
    if prompt is None or (node.task is not None and task is None):
        return Checked(None, problems)
    system = append_sections(prompt.text, texts, prompt.placed)
    if len(system) > SYSTEM_LIMIT:
        problems += (_too_long(node, len(system)),)
    session, found = session_policy(node, bench)
    problems += found
    # Another tool's file may say nothing at all; a prompt of a spec has text.
    payload = partial(
        agent_payload,
        spec,
        system=system if system.strip() else None,
        custom=custom,
        skill=bench.skill,
    )

    def policy() -> AgentPolicy:
        from agentflow.compiler.render.policy import agent_policy

        return agent_policy(
            node,
            task=task,
            paths=paths,
            schemas=schemas,
            custom=custom,
            session=session,
            pools=bench.pools,
        )

    return Checked(Rendered(payload, policy), problems)


def policy_sections(node: AgentNode, bench: Workbench) -> Checked[dict[str, str]]:
    """What the model is told of each policy, by the name that a prompt places it with.

    In the project's own words where it has some, and empty where nothing is declared.
    """
    spec, paths, schemas = node.spec, output_paths(node.spec), _schemas(node, bench.files)
    wanted = {name: headings(out.sections) for name, out in spec.outputs.items()}
    known: dict[str, Any] = {
        "paths": paths,
        "schemas": schemas,
        "headings": wanted,
        "called": bench.called,
    }
    texts = section_texts(spec, **known)
    if not node.sections:
        return Checked(texts, ())
    from agentflow.compiler.section_overrides import replace_sections

    return replace_sections(
        node.sections,
        texts,
        data=section_data(spec, **known),
        variables=node.vars,
        inputs=spec.inputs,
        fragments=bench.fragments,
        files=bench.files,
    )


def _schemas(node: AgentNode, files: Files) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name in node.spec.outputs:
        schema = output_schema(node, name, files).value
        if schema is not None:
            found[name] = plain(schema[0])
    return found


def _cards(node: AgentNode, bench: Workbench) -> dict[str, ToolCard]:
    if not node.spec.custom:
        return {}
    from agentflow.compiler.toolcard import tool_card

    files, ask = bench.files, bench.callables
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
