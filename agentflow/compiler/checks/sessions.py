"""What a session is given beside its agent: whether the environment takes it, and where it is mounted.

https://platform.claude.com/docs/en/managed-agents/files and /self-hosted-sandboxes-reference
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from agentflow import codes
from agentflow.compiler.checks.session import Attached, Session, session_of
from agentflow.compiler.delivery import default_file
from agentflow.compiler.graph import AgentNode, Bound, DeploymentNode, Graph
from agentflow.compiler.reach import covers, is_open
from agentflow.compiler.template import UPLOADS
from agentflow.diagnostics import Diagnostic, Span
from agentflow.source.tree import Path
from agentflow.spec.refs import parse_ref
from agentflow.spec.session import FileMount, Repository

__all__ = ["check_session"]

RESOURCE_LIMIT = 500
VAULT_LIMIT = 50


def check_session(owner: AgentNode | DeploymentNode, graph: Graph) -> Iterator[Diagnostic]:
    session = session_of(owner, graph)
    attached = list(session.vaults(graph))
    if session.environment is not None and session.decides_environment:
        if session.environment.spec.hosting == "self-hosted":
            yield from _self_hosted(session, attached)
        elif not is_open(session.environment.spec):
            yield from _variable_hosts(session, attached)
    yield from _mounts(session)
    yield from _memory(session, graph)
    yield from _counts(session, attached)


def _self_hosted(session: Session, attached: list[Attached]) -> Iterator[Diagnostic]:
    assert session.environment is not None
    where = f"environment {session.environment.spec.name!r} is self-hosted"
    found: list[tuple[Bound[Any], Path, str]] = []
    for key in ("files", "repositories"):
        bound, values = session.part(key)
        found += [(bound, (key,), f"No {key} are mounted: {where}.")] if values else []
    agent = session.agent
    if agent is not None:
        if agent.spec.outputs:
            found.append((agent, ("outputs",), f"No outputs are collected: {where}."))
        names = [name for name, spec in agent.spec.inputs.items() if spec.type == "file"]
        found += [
            (agent, ("inputs", name), f"The file of the input {name!r} is not mounted: {where}.")
            for name in names
        ]
    for item in attached:
        name = _variable_of(item)
        if name is not None:
            message = f"The variable {name!r} of a vault is not put in: {where}."
            found.append((item.bound, item.path, message))
    for bound, path, message in found:
        span, related = session.place(bound, *path)
        if bound is session.owner and path[:1] not in (("vaults",), ("mcp",)):
            span = bound.span(*path, key=True)
        hint = "Use an environment with `hosting: cloud`, or have your workers do it."
        yield codes.SELF_HOSTED.at(span, message, hint=hint, related=related)


def _variable_of(item: Attached) -> str | None:
    """The first variable of an attached vault."""
    credentials = item.vault.spec.credentials.values() if item.vault is not None else ()
    return next((c.variable.name for c in credentials if c.variable is not None), None)


def _variable_hosts(session: Session, attached: list[Attached]) -> Iterator[Diagnostic]:
    assert session.environment is not None
    allowed = session.environment.spec.network.hosts
    title = session.environment.spec.name
    for vault in {item.vault.address: item for item in attached if item.vault}.values():
        assert vault.vault is not None
        for name, credential in vault.vault.spec.credentials.items():
            variable = credential.variable
            for index, host in enumerate(variable.hosts if variable is not None else ()):
                assert variable is not None
                if variable.hosts == "any" or any(covers(entry, host) for entry in allowed):
                    continue
                message = (
                    f"The variable {variable.name!r} is for {host!r}, which environment {title!r} "
                    "does not reach."
                )
                span, related = session.place(vault.bound, *vault.path)
                written = vault.vault.span("credentials", name, "variable", "hosts", index)
                related = ((written, "the host"), *related)
                hint = f"Add {host} to `network.hosts` of {title!r}, or remove it here."
                yield codes.CREDENTIAL_HOST.at(span, message, hint=hint, related=related)


def _mounts(session: Session) -> Iterator[Diagnostic]:
    """Each path once, and none inside of another."""
    taken: dict[str, tuple[Span, str]] = {}
    above: dict[str, str] = {}
    """Folders that something is mounted in -> its path."""
    for path, bound, place, what in _mounted(session):
        span = bound.span(*place)
        folders = _folders(path)
        other = next((at for at in (path, *folders) if at in taken), above.get(path))
        if other is None:
            taken[path] = (span, what)
            above.update(dict.fromkeys(folders, path))
            continue
        before, who = taken[other]
        message = f"{what} and {who} are mounted at the same place: {path}."
        if other != path:
            message = f"{what} and {who} are mounted one inside of the other: {path} and {other}."
        hint = "Give one of them another `mount`, or another name."
        yield codes.MOUNT.at(
            span, _sentence(message), hint=hint, related=((before, _sentence(who)),)
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _folders(path: str) -> list[str]:
    """What a path lies in, from the inside out."""
    return [path[:end] for end in range(len(path) - 1, 0, -1) if path[end] == "/"]


def _mounted(
    session: Session,
) -> Iterator[tuple[str, Bound[Any], Path, str]]:
    """Path, spec, place in it, and words for each thing that is mounted."""
    bound, files = session.part("files")
    for name, file in (files or {}).items():
        yield file_mount(file), bound, ("files", name), f"the file {name!r}"
    bound, repositories = session.part("repositories")
    for name, repository in (repositories or {}).items():
        yield (
            repository_mount(repository),
            bound,
            ("repositories", name),
            f"the repository {name!r}",
        )
    agent = session.agent
    for name, spec in agent.spec.inputs.items() if agent is not None else ():
        assert agent is not None
        default = default_file(agent, name)
        given = session.owner.spec.inputs.get(name) if session.owner is not agent else None
        what = f"the input {name!r}"
        if isinstance(given, str) and spec.type == "file":
            yield _upload(given), session.owner, ("inputs", name), what
        elif default is not None:
            yield _upload(default), agent, ("inputs", name, "default"), what


def _upload(path: str) -> str:
    """Where a file that is an input is mounted: by its own name."""
    return f"{UPLOADS}/{posixpath.basename(path)}"


def file_mount(file: FileMount) -> str:
    """Where a file is mounted, as an absolute path of the session."""
    at = file.mount or "/" + posixpath.basename(file.path).removeprefix("id:")
    return at if at.startswith(f"{UPLOADS}/") else UPLOADS + posixpath.normpath(at)


def repository_mount(repository: Repository) -> str:
    return repository.mount or "/workspace/" + posixpath.basename(repository.url)


def _memory(session: Session, graph: Graph) -> Iterator[Diagnostic]:
    """Each store once, and each with a folder of its own."""
    bound, mounts = session.part("memory")
    first: dict[str, int] = {}
    for index, mount in enumerate(mounts or ()):
        ref = parse_ref(mount.store, "memorystore")
        if ref is None:
            continue
        earlier = first.setdefault(ref.address or f"id:{ref.id}", index)
        if earlier != index:
            message = f"The memory store {mount.store!r} is named twice."
            related = ((bound.span("memory", earlier), "here already"),)
            span = bound.span("memory", index)
            hint = "Remove one of them."
            yield codes.SESSION_LIMIT.at(span, message, hint=hint, related=related)


def _counts(session: Session, attached: list[Attached]) -> Iterator[Diagnostic]:
    parts = {key: len(session.part(key)[1] or ()) for key in ("files", "repositories", "memory")}
    resources = sum(parts.values())
    if resources > RESOURCE_LIMIT:
        largest = max(parts, key=lambda key: parts[key])
        bound, _ = session.part(largest)
        message = f"A session of {session.owner.address} is given {resources} files and the like."
        hint = f"The service takes {RESOURCE_LIMIT}. Put them into an archive, or a repository."
        yield codes.SESSION_LIMIT.at(bound.span(largest, key=True), message, hint=hint)
    vaults = {item.ref.address or item.ref.id for item in attached}
    if len(vaults) > VAULT_LIMIT:
        bound, _ = session.part("vaults")
        message = f"A session of {session.owner.address} is given {len(vaults)} vaults."
        hint = f"The service takes {VAULT_LIMIT}."
        yield codes.SESSION_LIMIT.at(bound.span("vaults", key=True), message, hint=hint)
