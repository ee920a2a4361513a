"""A skill as it is uploaded: every file of its folder, and SKILL.md by the service's rules.

https://platform.claude.com/docs/en/build-with-claude/skills-guide
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from agentflow import codes
from agentflow.compiler.graph import Bound
from agentflow.compiler.manifest import GitHubSource, Resource, Upload
from agentflow.compiler.references import resolve_path
from agentflow.compiler.render.resource import make_resource
from agentflow.diagnostics import Checked, Diagnostic, Span, has_errors
from agentflow.errors import FileRefused
from agentflow.nearest import nearest
from agentflow.ports import Files
from agentflow.source.tree import Document
from agentflow.source.yaml import parse

if TYPE_CHECKING:
    from agentflow.spec.skill import SkillSpec

__all__ = ["skill_resource"]

_FILE = "SKILL.md"
_MAX_BYTES = 30_000_000
_MAX_DESCRIPTION = 1024
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_RESERVED = ("anthropic", "claude")
_FRONTMATTER = re.compile(r"\A(---[ \t]*\n.*?)^---[ \t]*$", re.S | re.M)


def skill_resource(bound: Bound[SkillSpec], files: Files) -> Checked[Resource | None]:
    """What is uploaded. None: there are errors, or the service brings the skill along."""
    spec = bound.spec
    if spec.anthropic is not None:
        return Checked(None, ())
    payload = {"display_name": spec.title or spec.name}
    if spec.github is not None:
        from_github = GitHubSource(
            repository=spec.github.repository,
            path=posixpath.normpath(spec.github.path),
            commit=spec.github.commit,
        )
        return Checked(
            make_resource("skill", bound.address, payload, spec.raw, source=from_github), ()
        )
    assert spec.folder is not None, "the model has exactly one source"
    folder = resolve_path(bound.file("folder"), spec.folder)
    try:
        names = files.folder(folder)
        problems = list(_check(bound, folder, names, files))
        uploads = () if problems else tuple(_uploads(folder, names, files))
    except FileRefused as refused:
        # A folder that cannot be listed was reported; one of its files was not.
        code = codes.CODES[refused.code]
        problem = code.at(bound.span("folder"), refused.message, hint=refused.hint)
        return Checked(None, (problem,))
    if problems:
        return Checked(None, tuple(problems))
    return Checked(make_resource("skill", bound.address, payload, spec.raw, files=uploads), ())


def _uploads(folder: str, names: Sequence[str], files: Files) -> Iterator[Upload]:
    """All in one directory, which is called as the skill calls itself."""
    top = _frontmatter(posixpath.join(folder, _FILE), files).data["name"]
    for name in names:
        path = posixpath.normpath(posixpath.join(folder, name))
        sha256 = files.digest(path).removeprefix("sha256:")
        yield Upload(name=f"{top}/{name}", path=path, sha256=sha256)


def _check(
    bound: Bound[SkillSpec], folder: str, names: Sequence[str], files: Files
) -> Iterator[Diagnostic]:
    span = bound.span("folder")
    if _FILE not in names:
        near = nearest(_FILE, names)
        message = f"The folder {folder!r} has no {_FILE}."
        hint = f"Rename {near!r} to {_FILE}." if near else f"Write {folder}/{_FILE}."
        yield codes.BAD_SKILL.at(span, message, hint=hint)
        return
    size = sum(files.size(posixpath.join(folder, name)) for name in names)
    if size >= _MAX_BYTES:
        message = f"The skill has {size / 1e6:.1f} MB; the service takes less than 30 MB."
        yield codes.BAD_SKILL.at(span, message, hint="Leave out what the agent does not read.")
    yield from _check_frontmatter(posixpath.normpath(posixpath.join(folder, _FILE)), files)


class _Frontmatter(NamedTuple):
    data: Mapping[str, Any]
    document: Document | None
    """None: there is none."""
    problems: tuple[Diagnostic, ...]


def _frontmatter(path: str, files: Files) -> _Frontmatter:
    match = _FRONTMATTER.match(files.read(path).replace("\r\n", "\n"))
    if match is None:
        return _Frontmatter({}, None, ())
    # With its opening line, so that places are those of the file.
    documents, problems = parse(path, match[1])
    data = documents[0].data if len(documents) == 1 else None
    if has_errors(problems) or not isinstance(data, dict):
        return _Frontmatter({}, None, tuple(problems))
    return _Frontmatter(data, documents[0], ())


def _check_frontmatter(path: str, files: Files) -> Iterator[Diagnostic]:
    data, document, problems = _frontmatter(path, files)
    if problems:
        yield from problems
        return
    if document is None:
        message = f"{path!r} does not begin with its name and description."
        hint = "Begin it with a line `---`, `name: …`, `description: …`, and a line `---`."
        yield codes.BAD_SKILL.at(Span(path, 1, 1, 1, 1), message, hint=hint)
        return
    yield from _check_name(data.get("name"), document)
    yield from _check_description(data.get("description"), document)


def _check_name(name: object, document: Document) -> Iterator[Diagnostic]:
    span = document.span(("name",))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = "The skill has no name."
        if name is not None:
            message = f"{name!r} is no name of a skill."
        hint = "Write `name:` with at most 64 lower-case letters, digits and hyphens."
        yield codes.BAD_SKILL.at(span, message, hint=hint)
        return
    word = next((word for word in _RESERVED if word in name), None)
    if word is not None:
        message = f"The name of the skill, {name!r}, has {word!r} in it, which is reserved."
        yield codes.BAD_SKILL.at(span, message, hint="Choose another name.")


def _check_description(description: object, document: Document) -> Iterator[Diagnostic]:
    span = document.span(("description",))
    if not isinstance(description, str) or not description.strip():
        message = "The skill has no description, by which the agent decides when to read it."
        hint = "Write `description:` with what the skill is for, and when."
        yield codes.BAD_SKILL.at(span, message, hint=hint)
    elif len(description) > _MAX_DESCRIPTION:
        message = (
            f"The description of the skill has {len(description):,} characters; the service takes "
            f"{_MAX_DESCRIPTION:,}."
        )
        hint = "Say when to read it; the rest belongs below."
        yield codes.BAD_SKILL.at(span, message, hint=hint)
