"""A payload as a resource of the manifest, and the files that are uploaded for several of them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from agentflow.compiler import late
from agentflow.compiler.fragments import Fragments
from agentflow.compiler.manifest import (
    GitHubSource,
    Resource,
    Upload,
    canonical_json,
    digest,
    digest_of,
)
from agentflow.compiler.render.raw import merge
from agentflow.records import NamedTuple
from agentflow.spec.budget import PoolSpec

if TYPE_CHECKING:
    from agentflow.ports import Callables, Files
    from agentflow.spec.skill import SkillSpec

__all__ = ["Uploads", "Workbench", "make_resource"]


def make_resource(
    kind: str,
    address: str,
    payload: Mapping[str, Any],
    raw: Mapping[str, Any] | None = None,
    *,
    parent: str | None = None,
    files: Sequence[Upload] = (),
    source: GitHubSource | None = None,
    is_sketch: bool = False,
) -> Resource:
    """The resource, with `raw` merged into its payload.

    Args:
        is_sketch: leave its digest out, which takes longer than all the rest.
        **: as in `Resource`.
    """
    merged = merge(payload, raw or {})
    text = "" if is_sketch else canonical_json(merged.payload)
    named = late.named(merged.payload, within=text) if text else late.named(merged.payload)
    needs = named | ({parent} if parent else set())
    ordered = tuple(sorted(files, key=lambda file: file.name))
    return Resource(
        address=address,
        kind=kind,
        name=address.partition("/")[2],
        payload=merged.payload,
        depends_on=tuple(sorted(needs)),
        unchecked=merged.pointers,
        digest="" if is_sketch else _digest(merged.payload, text, ordered, source),
        parent=parent,
        files=ordered,
        source=source,
    )


def _digest(
    payload: Mapping[str, Any], text: str, files: Sequence[Upload], source: GitHubSource | None
) -> str:
    """With what is sent beside it. Where a file lies in the project is no difference to the service."""
    if not files and source is None:
        return digest_of(text)
    from dataclasses import asdict

    sent = [[file.name, file.sha256] for file in files]
    return digest({"payload": payload, "files": sent, "source": source and asdict(source)})


class Workbench(NamedTuple):
    """What specs are rendered with."""

    files: Files
    callables: Callables | None
    """Answers what the source of a tool does not tell. None: nobody is asked."""
    fragments: Fragments
    uploads: Uploads
    skill: Callable[[str], SkillSpec | None]
    """Finds a skill of the project by its name. None: it is not known, or has errors."""
    called: Mapping[str, str]
    """By address, what agents and skills are called on the service, where the name is another."""
    bound: MutableMapping[Hashable, str]
    """Tasks that are bound already; see `bind_task`."""
    pools: Mapping[str, PoolSpec]
    """Of the project."""


class Uploads:
    """The files of a project that specs refer to, each uploaded once however many refer to it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._sha256: dict[str, str] = {}

    def reference(self, path: str) -> str:
        """The id that a file of the project will have: a mark.

        Raises:
            FileRefused: it cannot be read.
        """
        if path not in self._sha256:
            self._sha256[path] = self._files.digest(path).removeprefix("sha256:")
        return late.mark("file", _name(self._sha256[path]), "id")

    def resources(self) -> list[Resource]:
        """One for each content. Of several names it has the first."""
        paths: dict[str, str] = {}
        for path in sorted(self._sha256):
            paths.setdefault(self._sha256[path], path)
        return [_upload(path, sha256) for sha256, path in paths.items()]


def _name(sha256: str) -> str:
    return sha256[:16]


def _upload(path: str, sha256: str) -> Resource:
    filename = posixpath.basename(path)
    return make_resource(
        "file",
        f"file/{_name(sha256)}",
        {"filename": filename},
        files=[Upload(name=filename, path=path, sha256=sha256)],
    )
