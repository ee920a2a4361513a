"""The standard wording of each policy: what the model is told of what the runtime enforces.

Plain functions and not templates, so that a prompt without delimiters is compiled without jinja2.
Each returns Markdown that starts with a heading of the second level, or nothing if there is nothing
to say. A path is always written in full: an agent that has to put a path together gets it wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.compiler.manifest import canonical_json
from agentflow.compiler.template import SECTIONS, UPLOADS
from agentflow.compiler.tool_scope import (
    ASK_USER,
    has_denials,
    scoped_skills,
    scoped_team,
    scoped_tools,
    skill_line,
    team_lines,
    tool_lines,
)
from agentflow.spec.agent import AgentSpec, Check, OutputSpec

__all__ = [
    "ASK_USER",
    "HEADING",
    "OUTPUTS",
    "append_sections",
    "record_path",
    "section_data",
    "section_texts",
]

OUTPUTS = "/mnt/session/outputs"
"""Where the service collects files: https://platform.claude.com/docs/en/managed-agents/files"""

HEADING = "# Working rules"

SCHEMA_SHOWN = 4_000
"""Characters of a schema that is shown whole; of a longer one the keys are named."""


_NOTHING: Mapping[str, str] = {}


def section_texts(
    spec: AgentSpec,
    *,
    paths: Mapping[str, str],
    schemas: Mapping[str, Mapping[str, Any]],
    headings: Mapping[str, Sequence[str]],
    called: Mapping[str, str] = _NOTHING,
) -> dict[str, str]:
    """Every section by the name a prompt places it with, in the order of `SECTIONS`.

    Args:
        paths: by output, relative to the outputs directory.
        schemas: by output, where there is one.
        headings: by output, the headings as the runtime looks for them.
        called: by address, what agents and skills are called on the service, where the name is
            another one.
    """
    texts = (
        _outputs(spec, paths, schemas, headings),
        _scratch(spec),
        _done(spec),
        _uncertainty(spec, paths),
        _tools(spec, called),
        _autonomy(spec),
    )
    return dict(zip(SECTIONS, texts, strict=True))


def section_data(
    spec: AgentSpec,
    *,
    paths: Mapping[str, str],
    schemas: Mapping[str, Mapping[str, Any]],
    headings: Mapping[str, Sequence[str]],
    called: Mapping[str, str] = _NOTHING,
) -> dict[str, Any]:
    """The policies of an agent as data, by the names of `SECTION_DATA`, for wordings of a project's own.

    Arguments as in `section_texts`.
    """
    uncertainty = None
    if spec.uncertainty is not None:
        record = record_path(spec, paths)
        uncertainty = {
            "mode": spec.uncertainty.mode,
            "record": f"{OUTPUTS}/{record}" if record else None,
        }
    return {
        "agent": spec.name,
        "outputs": [
            {
                "name": name,
                "path": f"{OUTPUTS}/{paths[name]}",
                "description": output.description,
                "required": output.required,
                "sections": list(output.sections or ()) if name in headings else [],
                "schema": canonical_json(schemas[name]) if name in schemas else None,
            }
            for name, output in _ordered(spec.outputs)
        ],
        "repair": spec.repair,
        "scratch": _scratch_path(spec),
        "done": _done_points(spec),
        "uncertainty": uncertainty,
        "tools": [tool._asdict() for tool in scoped_tools(spec)],
        "skills": scoped_skills(spec, called),
        "team": scoped_team(spec, called),
    }


def append_sections(prompt: str, texts: Mapping[str, str], placed: frozenset[str]) -> str:
    """The prompt, and below one heading every section that it does not hold yet."""
    rest = [text for name, text in texts.items() if text and name not in placed]
    return "\n\n".join([prompt, HEADING, *rest]) if rest else prompt


def _outputs(
    spec: AgentSpec,
    paths: Mapping[str, str],
    schemas: Mapping[str, Mapping[str, Any]],
    headings: Mapping[str, Sequence[str]],
) -> str:
    if not spec.outputs:
        return ""
    blocks = [
        "## Outputs",
        f"Deliver these files. They are collected from `{OUTPUTS}/`, directly in that directory; "
        "a file anywhere else is not delivered.",
    ]
    for name, output in _ordered(spec.outputs):
        shown = output.sections if name in headings else None
        blocks.append(_output(output, paths[name], schemas.get(name), shown))
    blocks.append(
        f"List `{OUTPUTS}/` before you finish and compare it with the files above. "
        f"Code then checks every file: that it is there, that it is not empty, and what is said "
        f"of it above. {_repair(spec.repair)}"
    )
    return "\n\n".join(blocks)


def _ordered(outputs: Mapping[str, OutputSpec]) -> list[tuple[str, OutputSpec]]:
    """What must be delivered first; else by name, because a mapping has no order."""
    return sorted(outputs.items(), key=lambda item: (not item[1].required, item[0]))


def _repair(times: int) -> str:
    if times == 0:
        return "There is no second attempt: if a check fails, the work counts as not delivered."
    attempts = "once" if times == 1 else f"up to {times} times"
    return (
        f"What fails is sent back to you {attempts}, with the reason; "
        "if it still fails, the work counts as not delivered."
    )


def _output(
    output: OutputSpec,
    path: str,
    schema: Mapping[str, Any] | None,
    sections: Sequence[str] | None,
) -> str:
    need = "required" if output.required else "optional; checked if you deliver it"
    description = f": {output.description}" if output.description else ""
    lines = [f"- `{OUTPUTS}/{path}` ({need}){description}"]
    if sections:
        lines.append("  Markdown with these headings, in this order:")
        lines += [f"  {number}. {section}" for number, section in enumerate(sections, 1)]
    if schema is not None:
        lines += _schema(schema)
    return "\n".join(lines)


def _schema(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required")
    keys = [f"`{key}`" for key in required] if isinstance(required, list) else []
    line = "  One JSON document that is valid against its JSON Schema"
    line += f", with the required keys {', '.join(keys)}." if keys else "."
    text = canonical_json(schema)
    if len(text) <= SCHEMA_SHOWN:
        return [line, "  The schema:", f"  `{text}`" if "`" not in text else f"  {text}"]
    properties = schema.get("properties")
    known = sorted(properties) if isinstance(properties, Mapping) else []
    return (
        [line, f"  The keys it knows: {', '.join(f'`{key}`' for key in known)}."]
        if known
        else [line]
    )


def _scratch(spec: AgentSpec) -> str:
    path = _scratch_path(spec)
    if path is None:
        return ""
    return (
        "## Scratch files\n\n"
        f"Keep scripts, notes and intermediate files below `{path}`. Nothing there is delivered. "
        f"Put nothing but the finished outputs in `{OUTPUTS}/`, and leave the files in `{UPLOADS}/` "
        "as they are: they are the inputs, and read-only."
    )


def _scratch_path(spec: AgentSpec) -> str | None:
    return None if spec.scratch is None else spec.scratch.rstrip("/") or "/"


def _done_points(spec: AgentSpec) -> list[str]:
    points = [item for item in spec.done if isinstance(item, str)]
    if any(isinstance(item, Check) for item in spec.done):
        points.append("The outputs pass the checks that code runs on them after you finish.")
    return points


def _done(spec: AgentSpec) -> str:
    if not spec.done:
        return ""
    points = "\n".join(f"{number}. {line}" for number, line in enumerate(_done_points(spec), 1))
    return (
        "## When the work is done\n\n"
        "The work is done when all of this holds, and not before:\n\n"
        f"{points}\n\n"
        "Go through the list yourself before you finish. If a point cannot be met, do not claim "
        "that it is: name it in your last message, with the reason."
    )


def _uncertainty(spec: AgentSpec, paths: Mapping[str, str]) -> str:
    if spec.uncertainty is None:
        return ""
    record = record_path(spec, paths)
    mode = spec.uncertainty.mode
    place = f"in `{OUTPUTS}/{record}`" if record else "in your last message"
    if mode == "assume":
        body = (
            "When the task, the data or an instruction can be read in more than one way, decide: "
            "take the reading that fits the purpose of the task best, and go on. Write every such "
            f"assumption down {place}: what was unclear, what you assumed, and what would change "
            "if it is wrong. Never fill a gap with invented facts or figures."
        )
    elif mode == "ask":
        note = f" Write each question and its answer down {place}." if record else ""
        body = (
            "When something is unclear and the answer would change the result, ask with the tool "
            f"`{ASK_USER}`: one precise question, the options you see, and what you would do without "
            "an answer. Questions in a message reach nobody. Decide small things yourself. If no "
            "answer comes, go on with what you said you would do. Never fill a gap with invented "
            f"facts or figures.{note}"
        )
    else:
        note = f" Write it {place} too." if record else ""
        body = (
            "When something that matters for the result is unclear or missing, stop: do not guess, "
            "and do not fill the gap with invented facts or figures. Keep what is finished, and end "
            f"with a message that says what is missing and who could supply it.{note}"
        )
    return f"## When something is unclear\n\n{body}"


def record_path(spec: AgentSpec, paths: Mapping[str, str]) -> str | None:
    """The file that assumptions are written to, relative to the outputs directory."""
    record = spec.uncertainty.record if spec.uncertainty else None
    return None if record is None else paths.get(record, record.removeprefix(f"{OUTPUTS}/"))


def _tools(spec: AgentSpec, called: Mapping[str, str]) -> str:
    more = "\n\n".join(filter(None, (skill_line(spec, called), *team_lines(spec, called))))
    text = _tool_list(spec, alone=not more)
    return f"{text}\n\n{more}" if more else text


def _tool_list(spec: AgentSpec, *, alone: bool) -> str:
    lines = tool_lines(spec)
    if not lines:
        if not alone:
            return "## Tools\n\nYou have no tools of your own."
        return (
            "## Tools\n\nYou have no tools. Answer from what you are given, in your last message."
        )
    text = "## Tools\n\nYou have these tools and no others:\n\n" + "\n".join(lines)
    if spec.mcp:
        text += "\n\nA name with a dot is a tool of an MCP server."
    if has_denials(spec):
        text += (
            "\n\nA denial is final for that call. Do not try to reach the same by another tool or "
            "another command: find a way that needs no approval, or say in your last message what "
            "could not be done."
        )
    return text


def _autonomy(spec: AgentSpec) -> str:
    asks = spec.uncertainty is not None and spec.uncertainty.mode == "ask"
    stops = spec.uncertainty is not None and spec.uncertainty.mode == "stop"
    rules = [
        "You work without supervision: nobody reads along, and nobody answers a message."
        + (f" The tool `{ASK_USER}` is the one way to reach a person." if asks else ""),
        "Do not ask for confirmation or permission, and do not end with a plan or an offer: "
        "do the work, from start to end.",
    ]
    if stops:
        rules[1] += (
            " The one reason to end early is the one given under “When something is unclear”."
        )
    rules.append(
        "When a step fails, read the error, change what caused it and try again; the same call "
        "with the same arguments fails in the same way."
    )
    rules.append("Your last message says in a few sentences what you did and what is left open.")
    return "## Working alone\n\n" + " ".join(rules)
