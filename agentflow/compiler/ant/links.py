"""What a file of the official CLI refers to: by the id of the service, or by the path of another file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from agentflow import codes
from agentflow.compiler.ant.body import Draft, Node
from agentflow.compiler.ant.recognise import ant_name
from agentflow.errors import FileRefused
from agentflow.nearest import Meant, nearest
from agentflow.ports import Files
from agentflow.source.markdown import split
from agentflow.source.yaml import parse

__all__ = ["Declared", "Links"]

_IDS = {
    "agent": "agent",
    "environment": "env",
    "memorystore": "memstore",
    "vault": "vlt",
    "skill": "skill",
}
_GITHUB = re.compile(
    r"https://github\.com/(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?"
    r"(?:/tree/(?P<commit>[^/]+)(?:/(?P<path>.+?))?)?/?"
)
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}")


class Declared(NamedTuple):
    """A spec that a file declares."""

    kind: str
    """As in addresses."""
    name: str
    folder: str | None = None
    """Of a skill that is a folder of the project."""


class Links:
    """Turns references into ours, and folders of skills into specs."""

    def __init__(
        self, declared: Iterable[tuple[str, Declared]], files: Files, *, complete: bool
    ) -> None:
        """Take over what there is.

        Args:
            declared: each spec with the file it is in.
            complete: False: some file could not be read, so a missing one proves nothing.
        """
        self._by_file: dict[str, list[Declared]] = {}
        self._skills: dict[str, str] = {}
        for file, spec in declared:
            self._by_file.setdefault(file, []).append(spec)
            if spec.folder is not None:
                self._skills.setdefault(spec.folder, spec.name)
        self._files = files
        self._complete = complete
        self.made: list[Draft] = []
        """Specs of the skills that only these files refer to."""

    def reference(self, node: Node, kind: str) -> str | None:
        """An id as `id:agent_…`, a path as the name of the spec there. None: it leads nowhere.

        Args:
            node: the text, or a mapping with a `path`.
            kind: as in addresses.
        """
        if isinstance(node.value, dict):
            found = node.need("path")
            return None if found is None else self.reference(found, kind)
        text = node.text()
        if text is None:
            return None
        if re.fullmatch(rf"{_IDS[kind]}_[A-Za-z0-9]+", text):
            return f"id:{text}"
        path = self.path(node)
        here = [spec for spec in self._by_file.get(path, ()) if spec.kind == kind]
        if len(here) == 1:
            return here[0].name
        if self._complete:
            self._missing(node, path, kind, len(here))
        return None

    def path(self, node: Node) -> str:
        """The project-relative path that a text of a file means."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(node.document.file), node.value))

    def _missing(self, node: Node, path: str, kind: str, found: int) -> None:
        message = f"{node.called} is {node.value!r}, and no {kind} is declared in {path!r}."
        hint = f"Write the path of a file beside this one, or an id such as {_IDS[kind]}_01ABC."
        if found:
            message = f"{node.called} is {node.value!r}, and {path!r} declares {found} of them."
            hint = "Give the one that is meant a file of its own."
        near = nearest(
            path,
            [file for file, specs in self._by_file.items() if any(s.kind == kind for s in specs)],
        )
        if near is not None and not found:
            beside = posixpath.relpath(near, posixpath.dirname(node.document.file) or ".")
            hint = Meant(f"Did you mean {beside!r}?", word=str(node.value), near=beside)
        node.problem(codes.UNKNOWN_REFERENCE, message, hint)

    # Skills

    def skill(self, node: Node) -> str | None:
        """A reference to the skill that a text means: a folder, a place on GitHub, or an id."""
        text = node.text()
        if text is None:
            return None
        if re.fullmatch(r"skill_[A-Za-z0-9]+", text):
            return f"id:{text}"
        if text.startswith(("https://", "http://", "github.com/")):
            return self._from_github(node)
        folder = self.path(node).removesuffix("/SKILL.md")
        if folder not in self._skills:
            self._skills[folder] = ant_name(folder)
            draft = self._draft(node, self._skills[folder])
            beside = posixpath.relpath(folder, posixpath.dirname(node.document.file) or ".")
            draft.put(
                "folder", value=beside if beside.startswith("../") else f"./{beside}", at=node
            )
            title = self._title(folder)
            if title is not None:
                draft.put("title", value=title, at=node)
        return self._skills[folder]

    def _draft(self, node: Node, name: str) -> Draft:
        draft = Draft(node.document, "Skill", name, node.path)
        self.made.append(draft)
        return draft

    def _title(self, folder: str) -> str | None:
        """What the service calls a skill by default: the name in its head."""
        try:
            text = self._files.read(f"{folder}/SKILL.md").removeprefix("\ufeff")
        except FileRefused:
            return None  # reported with the folder
        page = split(text)
        documents = parse(folder, text[slice(*page.front)]).value if page else ()
        data = documents[0].data if len(documents) == 1 else None
        name = data.get("name") if isinstance(data, dict) else None
        return name if isinstance(name, str) and name else None

    def _from_github(self, node: Node) -> str | None:
        match = _GITHUB.fullmatch(node.value if "://" in node.value else f"https://{node.value}")
        if match is None:
            hint = "Write https://github.com/owner/name/tree/COMMIT/folder."
            node.problem(
                codes.MALFORMED, f"{node.called} is no folder on GitHub: {node.value!r}.", hint
            )
            return None
        commit, path = match["commit"], match["path"] or "."
        if commit is None or not _FULL_COMMIT.fullmatch(commit):
            message = f"{node.called} is not pinned to a commit, so a reviewed skill could change."
            folder = "" if path == "." else f"/{path}"
            hint = f"Write https://github.com/{match['repository']}/tree/COMMIT{folder}, with its 40 digits."
            node.problem(codes.MALFORMED, message, hint)
            return None
        key = f"{match['repository']}@{commit}/{path}"
        if key not in self._skills:
            self._skills[key] = ant_name(
                path if path != "." else match["repository"].partition("/")[2]
            )
            draft = self._draft(node, self._skills[key])
            draft.put("github", "repository", value=match["repository"], at=node)
            draft.put("github", "path", value=path, at=node)
            draft.put("github", "commit", value=commit, at=node)
        return self._skills[key]
