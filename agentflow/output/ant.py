"""A manifest as a folder that the official CLI's `apply` reads.

Resources refer to each other by the relative paths of their files, as that tool does. What it has no
place for is left out, and named.
https://platform.claude.com/docs/en/cli-sdks-libraries/cli/apply
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from agentflow.compiler import late
from agentflow.compiler.manifest import AgentPolicy, Manifest, Resource, SessionPolicy
from agentflow.nearest import one_of
from agentflow.output.yaml_text import yaml_lines
from agentflow.source.markdown import split

__all__ = ["AntFolder", "ant_folder"]

_PATHS = {
    "agent": "agents/{}.md",
    "environment": "environments/{}.yaml",
    "memorystore": "memory_stores/{}.yaml",
    "deployment": "deployments/{}.md",
    "skill": "skills/{}",
}
_KINDS = "agents, environments, memory stores, deployments and skills"

_LOST = object()
"""Stands for a value that cannot be written."""

_IDENTITY = ("id", "skill_id", "file_id", "memory_store_id")
"""Without one of these a mapping says nothing."""

_LINKS = ("id", "skill_id", "environment_id", "memory_store_id")
"""Where the tool takes a path for an id."""

_ALWAYS = ("model", "tools", "repair")
"""What of a policy is in the payload too, or is there for every agent."""


_MOUNTED = {"file": "files", "github_repository": "repositories", "memory_store": "memory"}
"""The key of a spec, by the type of a session's resource."""


class AntFolder(NamedTuple):
    files: Mapping[str, str]
    """Texts by path."""
    copies: Mapping[str, str]
    """Files of the project that belong there too: path in the folder -> path in the project."""
    notes: tuple[str, ...]
    """What is not in the folder, one sentence each."""


def ant_folder(manifest: Manifest) -> AntFolder:
    """The files for every resource that the tool covers."""
    files: dict[str, str] = {}
    copies: dict[str, str] = {}
    notes: list[str] = []
    for resource in manifest.resources:
        path = _path(resource)
        if path is None and resource.parent is None:
            notes.append(f"{resource.address} is left out: `ant apply` knows {_KINDS}.")
        elif path is not None and resource.kind == "skill":
            copies |= {_beside(path, file.name): file.path for file in resource.files}
            notes += _skill_notes(resource)
        elif path is not None:
            files[path] = _Writer(manifest, path, resource, notes.append).text()
    for address, policy in manifest.agents.items():
        notes += _policy_notes(address, policy)
    for address, deployment in manifest.deployments.items():
        if deployment.answered_by is not None:
            notes.append(f"{address}: `answered_by` is left out.")
    return AntFolder(files, copies, tuple(notes))


def _path(resource: Resource) -> str | None:
    form = _PATHS.get(resource.kind)
    return None if form is None else form.format(resource.name)


def _beside(folder: str, name: str) -> str:
    """A file of a skill: its own folder is called as it calls itself."""
    return posixpath.join(folder, name.partition("/")[2])


def _skill_notes(resource: Resource) -> Iterator[str]:
    if resource.source is not None:
        called = posixpath.basename(resource.source.path)
    else:
        called = resource.files[0].name.partition("/")[0]
    title = resource.payload["display_name"]
    if title != called:
        yield f"{resource.address}: its title {title!r} is left out; it will be {called!r}."


def _session_keys(session: SessionPolicy) -> Iterator[str]:
    """The keys of a spec that sessions are made from."""
    types = {str(resource.get("type")) for resource in session.resources}
    yield from (key for type_, key in _MOUNTED.items() if type_ in types)
    if session.vault_ids:
        yield "vaults"
    if session.outcome is not None:
        yield "outcome"
    if session.title is not None or session.metadata:
        yield "session"


def _policy_notes(address: str, policy: AgentPolicy) -> Iterator[str]:
    """What the runtime enforces has no place there."""
    kept = [
        field.name
        for field in fields(policy)
        if field.name not in (*_ALWAYS, "session")
        and getattr(policy, field.name) not in (None, (), {})
    ]
    kept += _session_keys(policy.session)
    if kept:
        names = one_of((f"`{name}`" for name in kept), joined="and", limit=20)
        yield f"{address}: left out, except for what the system prompt says of it: {names}."


class _Writer:
    """One file."""

    def __init__(
        self, manifest: Manifest, path: str, resource: Resource, note: Callable[[str], None]
    ) -> None:
        self.manifest = manifest
        self.path = path
        self.resource = resource
        self.note = note

    def text(self) -> str:
        body = self._tidy(self._value(self.resource.payload, ""))
        if self.resource.kind == "agent":
            return self._page(body, body.pop("system", None), "system")
        if self.resource.kind == "deployment":
            prose = _first_message(body.get("initial_events"))
            if prose is not None and _fits_below(prose):
                rest = body["initial_events"][1:]
                body = {key: value for key, value in body.items() if key != "initial_events"}
                return self._page(body | ({"initial_events": rest} if rest else {}), prose, "")
            return self._page(body, None, "")
        return _yaml(body)

    def _page(self, head: Mapping[str, Any], prose: str | None, key: str) -> str:
        if prose is not None and not _fits_below(prose):
            head, prose = {**head, key: prose}, None
        below = f"\n{prose}\n" if prose is not None else ""
        return f"---\n{_yaml(head)}---\n{below}"

    def _tidy(self, body: Any) -> dict[str, Any]:
        """Without what says nothing, so that people can read it."""
        config = body.get("config")
        if isinstance(config, dict) and isinstance(config.get("packages"), dict):
            packages = {k: v for k, v in config["packages"].items() if v and k != "type"}
            config = {k: v for k, v in config.items() if k != "packages"}
            body["config"] = config | ({"packages": packages} if packages else {})
        return {key: value for key, value in body.items() if value not in (None, "", [], {})}

    # References

    def _value(self, value: Any, at: str) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, at)
        if isinstance(value, (list, tuple)):
            found = [self._value(item, f"{at}/{index}") for index, item in enumerate(value)]
            return [item for item in found if item is not _LOST]
        if isinstance(value, str) and (late.named(value) or late.secrets(value)):
            return self._reference(value, at)
        return value

    def _mapping(self, value: Mapping[str, Any], at: str) -> Any:
        if value.get("type") == "agent" and "id" in value:
            return self._pinned(value, at, "id")
        if value.get("type") == "custom" and "skill_id" in value:
            return self._pinned(value, at, "skill_id")
        found = {key: self._value(item, f"{at}/{key}") for key, item in value.items()}
        if any(found.get(key) is _LOST for key in _IDENTITY):
            return _LOST
        return {key: item for key, item in found.items() if item is not _LOST}

    def _pinned(self, value: Mapping[str, Any], at: str, key: str) -> Any:
        """A reference with a version: the tool pins what it applies by itself."""
        version = value.get("version")
        if not late.named(value[key]):
            return dict(value)
        path = self._reference(value[key], f"{at}/{key}")
        is_own = isinstance(version, str) and bool(late.named(version))
        if path is _LOST or (is_own and key == "id"):
            return path
        found = {"type": value["type"], "path": path}
        return found if is_own or version is None else {**found, "version": version}

    def _reference(self, text: str, at: str) -> Any:
        """The path of the file that a mark leads to."""
        named = late.named(text)
        is_link = at.rpartition("/")[2] in _LINKS and not at.startswith("/metadata/")
        target = self.manifest.resource(next(iter(named))) if is_link and len(named) == 1 else None
        path = _path(target) if target is not None else None
        if target is None or path is None or text != late.mark(target.kind, target.name, "id"):
            self.note(f"{self.resource.address}: {at} is left out: {late.readable(text)}.")
            return _LOST
        if target.source is not None:
            folder = "" if target.source.path == "." else f"/{target.source.path}"
            repository, commit = target.source.repository, target.source.commit
            return f"https://github.com/{repository}/tree/{commit}{folder}"
        beside = posixpath.relpath(path, posixpath.dirname(self.path))
        return beside if beside.startswith("../") else f"./{beside}"


def _first_message(events: Any) -> str | None:
    """The text of the first event, if that is all it says."""
    first = events[0] if events else {}
    content = first.get("content")
    if first.get("type") != "user.message" or not isinstance(content, list) or len(content) != 1:
        return None
    block = content[0]
    return block["text"] if set(block) == {"type", "text"} and block["type"] == "text" else None


def _fits_below(text: str) -> bool:
    """Whether the text can stand below a head as it is, and is the same when it is read again."""
    page = f"---\n---\n\n{text}\n"
    found = split(page)
    is_same = found is not None and page[slice(*found.body)] == text
    return is_same and text == text.strip() and re.search("[\r\ufeff]", text) is None


def _yaml(data: Mapping[str, Any]) -> str:
    return "".join(f"{line.text}\n" for line in yaml_lines(dict(data)))
