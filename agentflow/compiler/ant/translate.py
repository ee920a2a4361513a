"""Files of the official CLI as specs: the same meaning in our words, each with its place in theirs.

What the platform assumes where a file says nothing is written out. What has no word of ours stands
below `raw`. The name of a spec is from the path of its file, and what the file calls `name` is its title.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agentflow.compiler.ant.agent import translate_agent
from agentflow.compiler.ant.body import Draft, Node
from agentflow.compiler.ant.deployment import PROSE, translate_deployment
from agentflow.compiler.ant.links import Declared, Links
from agentflow.compiler.ant.plain import translate_environment, translate_memory_store
from agentflow.compiler.ant.recognise import FIELDS, ant_name
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.ports import Files
from agentflow.source.layers import Composed
from agentflow.source.tree import Document
from agentflow.spec.kinds import KINDS

__all__ = ["BODY_KEYS", "KIND_NAMES", "AntFile", "AntSpec", "translate"]

KIND_NAMES = {
    "agent": "Agent",
    "environment": "Environment",
    "memory_store": "MemoryStore",
    "deployment": "Deployment",
}
"""What a kind of theirs is called here."""

BODY_KEYS = {
    "agent": "system",
    "environment": "description",
    "memory_store": "description",
    "deployment": PROSE,
}
"""What the text of a Markdown file stands for, by kind."""

_TRANSLATORS: Mapping[str, Callable[[Node, Draft, Links], None]] = {
    "agent": translate_agent,
    "environment": translate_environment,
    "memory_store": translate_memory_store,
    "deployment": translate_deployment,
}


class AntFile(NamedTuple):
    kind: str
    """As they call it."""
    document: Document
    """A mapping."""

    @property
    def name(self) -> str:
        return ant_name(self.document.file)


class AntSpec(NamedTuple):
    kind: str
    """As we call it."""
    name: str
    document: Composed


def translate(
    found: Iterable[AntFile],
    others: Iterable[tuple[str, Declared]],
    files: Files,
    *,
    complete: bool,
) -> Checked[tuple[AntSpec, ...]]:
    """Put files into our words, in their order, and after them the skills that only they refer to.

    Args:
        found: the files.
        others: specs in our own words, each with its file: paths may lead to them.
        files: for the folders of skills.
        complete: False: some file could not be read, so a missing one proves nothing.
    """
    found = list(found)
    problems: list[Diagnostic] = []
    own = [
        (file.document.file, Declared(KIND_NAMES[file.kind].lower(), file.name)) for file in found
    ]
    links = Links([*others, *own], files, complete=complete)
    specs = [_spec(file, links, problems.append) for file in found]
    for draft in links.made:
        specs.append(AntSpec("Skill", str(draft.data["name"]), draft.document()))
    return Checked(tuple(specs), tuple(problems))


def _spec(file: AntFile, links: Links, report: Callable[[Diagnostic], None]) -> AntSpec:
    document = file.document.verbatim()
    body = Node(document, (), document.data, report)
    kind = KIND_NAMES[file.kind]
    draft = Draft(document, kind, file.name, ("name",))
    fields = ("type", BODY_KEYS[file.kind], *FIELDS[file.kind])
    body.keys(*fields, ours=KINDS[kind].model_fields)
    if (title := body.need("name")) is not None and title.text() is not None:
        draft.put("title", value=title.value, at=title)
    _TRANSLATORS[file.kind](body, draft, links)
    return AntSpec(kind, file.name, draft.document())
