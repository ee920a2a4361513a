"""AF52x: what a prompt holds that changes by itself, and what it says of files that are not there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from agentflow.compiler.checks.session import members_of
from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.lint.prose import Phrase
from agentflow.lint.rule import Context, rule
from agentflow.source.tree import Path

__all__ = [
    "mount_without_root",
    "nested_output",
    "undescribed_output",
    "upload_not_there",
    "volatile_substitution",
]

_VOLATILE = (
    r"(?<!\$)\$\{env\.(?P<name>(?:\w+_)?(?:BUILD_?(?:ID|NUMBER|URL|TAG)|RUN_(?:ID|NUMBER|ATTEMPT)"
    r"|PIPELINE_IID|PIPELINE_ID|JOB_ID|COMMIT|COMMIT_SHA|SHA|GIT_SHA|DATE|TODAY|NOW|TIME|TIMESTAMP"
    r"|HOSTNAME|RANDOM|UUID|PWD|TMPDIR))(?:[:-][^}]*)?\}"
)
_READ_BY_MODEL = frozenset(
    {
        "prompt",
        "sections",
        "description",
        "vars",
        "custom",
        "outputs",
        "done",
        "text",
        "title",
        "defaults",
    }
)
"""Keys whose values become part of what the agent is on the service, and of what a model reads."""


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _strings(item, (*path, key))


@rule("AF519", "volatile-substitution", Severity.WARNING, confidence="medium")
def volatile_substitution(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt holds a value that is another one at every build.

    `${env.BUILD_ID}` and the like make a new version of the agent each time it is compiled, although
    nobody changed it, and throw away the cached prefix that every session shares. What a run needs to
    know belongs into an input; what people need to know, into `metadata`.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: "You analyse orders. This is build ${env.BUILD_ID:-0}."
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You analyse orders.
        metadata: { build: "${env.BUILD_ID:-0}" }
    """
    for document in ctx.graph.documents:
        data = document.data
        if not document.mentions_substitution or not isinstance(data, dict):
            continue
        for key in _READ_BY_MODEL & data.keys():
            for path, _ in _strings(data[key], (key,)):
                written = document.written(path)
                for match in re.finditer(_VOLATILE, written) if isinstance(written, str) else ():
                    yield ctx.problem(
                        document.span(path),
                        f"{match['name']!r} is another one at every build, and so would be what is "
                        f"made of `{key}`.",
                        hint="Take it out, or put it into `metadata`; a run is told by an input in "
                        "`task`.",
                    )


@rule("AF521", "undescribed-output", Severity.INFO, level=Level.STRICT)
def undescribed_output(ctx: Context) -> Iterator[Diagnostic]:
    """Of several outputs, nobody says what is in one.

    The agent is told a path and no more, and has to guess which part of its work goes where. A `description`, `sections` or a `schema` tells it what to
    write, and the latter two are held against the file before the run counts as completed.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: allow }
        outputs:
          report: { path: report.md, sections: [Findings, Open questions] }
          rest: { path: rest.csv }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: allow }
        outputs:
          report: { path: report.md, sections: [Findings, Open questions] }
          rest: { path: rest.csv, description: orders that fit no region }
    """
    for agent in ctx.agents:
        several = agent.spec.outputs if len(agent.spec.outputs) > 1 else {}
        for name, output in several.items():
            said = output.description or output.sections or output.schema_
            base = posixpath.basename(output.path)
            if not said and not any(base.lower() in p.text for _, p in ctx.texts(agent)):
                yield ctx.problem(
                    agent.span("outputs", name, key=True),
                    f"Nothing says what belongs into the output {name!r} of agent "
                    f"{agent.spec.name!r}.",
                    hint="Add `sections`, a `schema` or a `description`.",
                )


_UPLOAD = Phrase(
    r"/mnt/session/uploads/(?P<path>[\w.-]*\w(?:/[\w.-]*\w)*)", marks=("/mnt/session/uploads/",)
)


@rule("AF522", "upload-not-there", Severity.WARNING, confidence="medium")
def upload_not_there(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt names an uploaded file that no session has.

    Below /mnt/session/uploads stand the files that `files` and file inputs put there, each under its
    own name or its `mount`. The agent looks for the one it was told of, does not find it, and goes
    on with what it does find.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Read the orders in /mnt/session/uploads/orders.csv first.
        tools: { read: allow }
        files: { orders: { path: "id:file_1", mount: /data/orders.csv } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Read the orders in /mnt/session/uploads/data/orders.csv first.
        tools: { read: allow }
        files: { orders: { path: "id:file_1", mount: /data/orders.csv } }
    """
    led = {member.address for lead in ctx.agents for _, member in members_of(lead, ctx.graph)}
    for agent in ctx.agents:
        there = _mounted(agent)
        if there is None or agent.address in led or _deployed_with_files(ctx, agent):
            continue
        for field, prose in ctx.texts(agent):
            for match in prose.find(_UPLOAD):
                path = match["path"]
                if not any(file == path or file.startswith(f"{path}/") for file in there):
                    yield ctx.problem(
                        prose.span(match),
                        f"The {field} of agent {agent.spec.name!r} names {prose.written(match)!r}, "
                        "which no session has.",
                        hint="Declare it in `files`, or write the path it is mounted at: "
                        "`/mnt/session/uploads` and its `mount`.",
                    )


def _mounted(agent: AgentNode) -> set[str] | None:
    """What stands below the uploads, in lower case. None: not all of it is known."""
    if any(item.type == "file" for item in agent.spec.inputs.values()):
        return None
    there = set()
    for mount in agent.spec.files.values():
        if mount.mount is None and mount.path.startswith("id:"):
            return None
        there.add((mount.mount or posixpath.basename(mount.path)).lstrip("/").lower())
    return there


def _deployed_with_files(ctx: Context, agent: AgentNode) -> bool:
    nodes = ctx.graph.deployments.values()
    return any(node.agent is agent and node.spec.files for node in nodes)


_NESTED = Phrase(
    r"/mnt/session/outputs/(?P<folder>[\w.-]*\w)/(?P<file>[\w./*-]*[\w*])?",
    marks=("/mnt/session/outputs/",),
)


@rule("AF523", "nested-output", Severity.WARNING)
def nested_output(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt has files delivered in subdirectories.

    The service keeps the name of a file and drops its directory. Two files of one name in two
    directories become one, and whoever looks for the directory does not find it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Save one chart for each region as /mnt/session/outputs/emea/sales.svg and so on.
        tools: { write: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Save one chart for each region as /mnt/session/outputs/emea-sales.svg and so on.
        tools: { write: allow }
    """
    for field, agent, prose in ctx.passages():
        for match in prose.find(_NESTED):
            file = prose.written(match, "file") if match["file"] else "..."
            folder = prose.written(match, "folder")
            yield ctx.problem(
                prose.span(match),
                f"The {field} of agent {agent.spec.name!r} puts files into {folder!r} below the "
                "outputs, and directories there are dropped.",
                hint=f"Put it into the name: `/mnt/session/outputs/{folder}-"
                f"{posixpath.basename(file)}`.",
            )


_UPLOADS = "/mnt/session/uploads"


@rule("AF524", "mount-without-root", Severity.WARNING)
def mount_without_root(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt names a file by its `mount`, and it stands elsewhere.

    Every `mount` is below /mnt/session/uploads: the service puts that in front. The agent finds
    nothing at the path it was told, and looks for the file, or does without.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Read the orders in /data/orders.csv first.
        tools: { read: allow }
        files: { orders: { path: "id:file_1", mount: /data/orders.csv } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Read the orders in /mnt/session/uploads/data/orders.csv first.
        tools: { read: allow }
        files: { orders: { path: "id:file_1", mount: /data/orders.csv } }
    """
    for agent in ctx.agents:
        mounts = {
            mount.mount.lower(): ("files", name, "mount")
            for name, mount in agent.spec.files.items()
            if mount.mount is not None and not mount.mount.startswith(_UPLOADS)
        }
        for field, prose in ctx.texts(agent) if mounts else ():
            for mount, place in mounts.items():
                path = mount if mount.startswith("/") else f"/{mount}"
                for match in re.finditer(
                    rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)", prose.text
                ):
                    yield ctx.problem(
                        prose.span(match),
                        f"The {field} of agent {agent.spec.name!r} names {prose.written(match)!r}, "
                        f"and the file is at {_UPLOADS}{path}.",
                        hint=f"Write `{_UPLOADS}{path}`.",
                        related=((agent.span(*place), "mounted here"),),
                    )
