"""What sessions are created with: files, repositories, memory stores, vaults and the outcome.

https://platform.claude.com/docs/en/managed-agents/sessions
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentflow import codes
from agentflow.compiler.graph import AgentNode, Bound
from agentflow.compiler.manifest import OutcomePolicy, SessionPolicy
from agentflow.compiler.references import is_file, resolve_path
from agentflow.compiler.render.refs import id_of
from agentflow.compiler.render.resource import Uploads, Workbench
from agentflow.compiler.template import UPLOADS
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.errors import FileRefused
from agentflow.spec.agent import AgentSpec
from agentflow.spec.session import FileMount, MemoryMount, OutcomeSpec, Repository

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = [
    "file_resources",
    "memory_resources",
    "mounted",
    "outcome_policy",
    "repository_resources",
    "session_policy",
    "vault_ids",
]

RUBRIC_LIMIT = 262_144
"""Characters: https://platform.claude.com/docs/en/managed-agents/define-outcomes"""


def session_policy(node: AgentNode, bench: Workbench) -> Checked[SessionPolicy]:
    """What every session of an agent is created with."""
    spec = node.spec
    outcome, problems = outcome_policy(node, spec.outcome, spec, bench.files)
    policy = SessionPolicy(
        title=spec.session.title,
        metadata=dict(sorted(spec.session.metadata.items())),
        resources=(
            *file_resources(node, spec.files, bench.uploads),
            *repository_resources(spec.repositories),
            *memory_resources(spec.memory),
        ),
        vault_ids=vault_ids(spec.vaults, spec),
        outcome=outcome,
    )
    return Checked(policy, problems)


def mounted(path: str, file_id: str) -> dict[str, Any]:
    """A file at a path below the folder of uploads, where the service puts it with or without."""
    below = path.removeprefix(UPLOADS) if path.startswith(f"{UPLOADS}/") else path
    return {"type": "file", "file_id": file_id, "mount_path": below}


def file_resources(
    bound: Bound[Any], files: Mapping[str, FileMount], uploads: Uploads
) -> Iterator[dict[str, Any]]:
    """Each file of `bound`. One that cannot be read was reported, and is left out."""
    for name, mount in sorted(files.items()):
        if mount.path.startswith("id:"):
            file_id = mount.path.removeprefix("id:")
            yield mounted(mount.mount or f"/{file_id}", file_id)
            continue
        path = resolve_path(bound.file("files", name, "path"), mount.path)
        try:
            file_id = uploads.reference(path)
        except FileRefused:
            continue
        yield mounted(mount.mount or f"/{posixpath.basename(path)}", file_id)


def repository_resources(repositories: Mapping[str, Repository]) -> Iterator[dict[str, Any]]:
    for _, repository in sorted(repositories.items()):
        name = repository.url.rpartition("/")[2]
        resource: dict[str, Any] = {
            "type": "github_repository",
            "url": repository.url,
            "mount_path": repository.mount or f"/workspace/{name}",
        }
        if repository.branch is not None:
            resource["checkout"] = {"type": "branch", "name": repository.branch}
        if repository.commit is not None:
            resource["checkout"] = {"type": "commit", "sha": repository.commit}
        if repository.token is not None:
            resource["authorization_token"] = repository.token
        yield resource


def memory_resources(memory: Sequence[MemoryMount]) -> Iterator[dict[str, Any]]:
    for mount in memory:
        resource = {
            "type": "memory_store",
            "memory_store_id": id_of(mount.store, "memorystore"),
            "access": mount.access,
        }
        if mount.instructions is not None:
            resource["instructions"] = mount.instructions
        yield resource


def vault_ids(explicit: Sequence[str], agent: AgentSpec | None) -> tuple[str, ...]:
    """Vaults that are named come first: the first credential that fits a server is used.

    Args:
        explicit: references to vaults.
        agent: whose MCP servers name credentials. None: it is not known.
    """
    found = [id_of(vault, "vault") for vault in explicit]
    for _, server in sorted(agent.mcp.items()) if agent is not None else ():
        if server.auth is not None:
            found.append(id_of(server.auth, "vault"))
    return tuple(dict.fromkeys(found))


def outcome_policy(
    bound: Bound[Any], outcome: OutcomeSpec | None, agent: AgentSpec | None, files: Files
) -> Checked[OutcomePolicy | None]:
    """The outcome of `bound`, with its rubric as text. None: it has none, or there are errors.

    Args:
        agent: whose `done` the rubric may be. None: it is not known.
    """
    if outcome is None:
        return Checked(None, ())
    rubric = _rubric(bound, outcome.rubric, agent, files)
    if isinstance(rubric, Diagnostic) or rubric is None:
        return Checked(None, (rubric,) if rubric else ())
    policy = OutcomePolicy(
        description=outcome.description, rubric=rubric, max_iterations=outcome.max_iterations
    )
    return Checked(policy, ())


def _rubric(
    bound: Bound[Any], rubric: str, agent: AgentSpec | None, files: Files
) -> str | Diagnostic | None:
    """The text, or what is wrong with it. None: its file cannot be read, which was reported."""
    span = bound.span("outcome", "rubric")
    if rubric == "done":
        points = [item for item in (agent.done if agent else ()) if isinstance(item, str)]
        if points:
            return "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))
        message = "The rubric is `done`, and the agent's `done` has no text."
        if agent is None:
            message = "The rubric is `done`, and the agent's `done` is not known here."
        hint = "Write points below `done` of the agent, or the rubric itself."
        return codes.OUTCOME_RUBRIC.at(span, message, hint=hint)
    if not is_file(rubric):
        return rubric
    path = resolve_path(bound.file("outcome", "rubric"), rubric)
    try:
        text = files.read(path).replace("\r\n", "\n").strip()
    except FileRefused:
        return None
    if not text:
        message = f"The rubric {path!r} is empty."
        hint = "Write there what the result is held against."
        return codes.OUTCOME_RUBRIC.at(span, message, hint=hint)
    if len(text) > RUBRIC_LIMIT:
        message = (
            f"The rubric {path!r} has {len(text):,} characters; the service takes {RUBRIC_LIMIT:,}."
        )
        return codes.OUTCOME_RUBRIC.at(span, message, hint="Keep what decides, and cut the rest.")
    return text
