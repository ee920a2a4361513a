"""What can be written at the cursor: names of the project, keys and words of the language."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agentflow.compiler.models import MODELS
from agentflow.compiler.template import SECTIONS
from agentflow.editor.analysis import Analysis
from agentflow.editor.cursor import Cursor, find_cursor
from agentflow.editor.fields import choices, field_at, keys_at, plain, reference_kind, takes_model
from agentflow.editor.symbols import PROJECT, address_of
from agentflow.lint.engine import KNOWN
from agentflow.source.tree import mapping_at, value_at
from agentflow.spec.base import API_VERSION
from agentflow.spec.kinds import KINDS
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = ["Offer", "Offers", "complete"]

_IGNORE = re.compile(r"agentflow:[ \t]*ignore(?:-file)?[ \t]*\[[^\]\n]*?(?P<word>\w*)\Z")
_BLOCK = re.compile(r"\{[{%](?:(?![}%]\}).)*\Z", re.DOTALL)
_QUOTED = re.compile(r"(?:\binclude\s+|\bfragment\s*\(\s*)[\"'](?P<word>[^\"'\n]*)\Z")
_DOTTED = re.compile(r"(?P<root>vars|inputs|params)\.(?P<word>\w*)\Z")
_PLAIN = re.compile(r"(?P<word>\w*)\Z")
_SUBSTITUTION = re.compile(r"(?<!\$)\$\{(?P<word>[\w.-]*)\Z")
_LONGEST_BLOCK = 2000
"""Characters in which the start of a `{{` is looked for."""


class Offer(NamedTuple):
    text: str
    detail: str = ""
    documentation: str = ""
    behind: str = ""
    """What is written behind it, such as the colon of a key."""


class Offers(NamedTuple):
    start: int
    """Offset in the text: from here to the cursor is replaced."""
    items: list[Offer]


def complete(analysis: Analysis, file: str, text: str, offset: int) -> Offers:
    """What fits at an offset of a text, which may be newer than the analysis."""
    before = text[:offset]
    line = before[before.rfind("\n") + 1 :]
    if match := _IGNORE.search(line):
        items = [Offer(code.id, code.name, code.title) for code in KNOWN.values()]
        return Offers(offset - len(match["word"]), items)
    if match := _SUBSTITUTION.search(line):
        return Offers(offset - len(match["word"]), list(_substitutions(analysis, file, line)))
    if block := _BLOCK.search(before[-_LONGEST_BLOCK:]):
        return _in_template(analysis, file, block[0], offset)
    cursor = None if _is_prompt(analysis, file) else find_cursor(text, offset)
    if cursor is None:
        return Offers(offset, [])
    items = list(_keys(cursor) if cursor.is_key else _values(analysis, file, cursor))
    return Offers(cursor.start, items)


def _is_prompt(analysis: Analysis, file: str) -> bool:
    found = analysis.index.files.get(file)
    return not file.endswith((".yaml", ".yml")) and (found is None or not found.documents)


# Templates and substitutions


def _owners(analysis: Analysis, file: str) -> set[str]:
    """Addresses of the specs in a file, or of those that a prompt is used by."""
    found = analysis.index.files.get(file)
    documents = list(found.documents) if found else []
    for name in analysis.index.named(f"file:{file}"):
        user = analysis.index.files.get(name.span.file)
        documents += [
            document
            for document in (user.documents if user else ())
            if document.span(()).line <= name.span.line <= document.span(()).end_line
        ]
    return {address for document in documents if (address := address_of(document))}


def _declared(analysis: Analysis, owners: Iterable[str], field: str) -> Iterator[Offer]:
    """Variables, inputs or parameters that specs have, by name."""
    seen: set[str] = set()
    composed = analysis.graph.composed if analysis.graph else {}
    for owner in sorted(owners):
        for key, value in mapping_at(composed.get(owner), (field,)).items():
            if key not in seen:
                seen.add(key)
                said = value.get("description") if isinstance(value, dict) else None
                yield Offer(key, f"{field} of {owner}", said if isinstance(said, str) else "")
    if field == "vars":
        for name in analysis.index.declared(f"{PROJECT}#vars."):
            key = name.symbol.rpartition(".")[2]
            if key not in seen:
                seen.add(key)
                yield Offer(key, "variable of the project")


def _in_template(analysis: Analysis, file: str, block: str, offset: int) -> Offers:
    owners = _owners(analysis, file)
    if match := _QUOTED.search(block):
        address = "" if match[0].startswith("fragment") else "fragment/"
        names = list(_names(analysis, "fragment"))
        return Offers(
            offset - len(match["word"]), [o._replace(text=address + o.text) for o in names]
        )
    if match := _DOTTED.search(block):
        items = list(_declared(analysis, owners, match["root"]))
        return Offers(offset - len(match["word"]), items)
    match = _PLAIN.search(block)
    assert match is not None
    items = [Offer("vars", "known when compiled"), Offer("inputs", "known per run, in `task`")]
    items += (
        [Offer("params", "of the fragment")]
        if any(owner.startswith("fragment/") for owner in owners)
        else []
    )
    items += [Offer(name, "policy section") for name in SECTIONS]
    items += [Offer("include", "a fragment or a file")] if block.startswith("{%") else []
    return Offers(offset - len(match["word"]), items)


def _substitutions(analysis: Analysis, file: str, line: str) -> Iterator[Offer]:
    for offer in _declared(analysis, _owners(analysis, file), "vars"):
        yield offer._replace(text=f"var.{offer.text}", behind="" if "}" in line else "}")
    for name in analysis.index.declared(f"{PROJECT}#secrets."):
        yield Offer(f"secret.{name.symbol.rpartition('.')[2]}", "secret", behind="}")
    for kind in ("agent", "environment", "deployment", "vault", "memorystore", "skill"):
        for offer in _names(analysis, kind):
            yield Offer(f"ref.{kind}.{offer.text}.id", "filled in by apply", behind="}")
    yield Offer("env.", "environment variable")


def _names(analysis: Analysis, kind: str) -> Iterator[Offer]:
    """The specs of a kind, as in addresses."""
    for name in analysis.index.declared(f"{kind}/"):
        if "#" not in name.symbol:
            address = name.symbol
            composed = analysis.graph.composed if analysis.graph else {}
            said = mapping_at(composed.get(address), ()).get("description")
            place = f"{name.span.file}:{name.span.line}"
            yield Offer(address.partition("/")[2], place, said if isinstance(said, str) else "")


# YAML


def _keys(cursor: Cursor) -> Iterator[Offer]:
    there = value_at(cursor.document.data, cursor.path)
    present = {key.rstrip("+-") for key in there} if isinstance(there, dict) else set()
    if cursor.kind is None:
        if not cursor.path:
            for key, words in (("apiVersion", API_VERSION), ("kind", "what it declares")):
                if key not in present:
                    yield Offer(key, words, behind=": ")
        return
    for field in keys_at(cursor.kind, cursor.path):
        if field.name not in present:
            detail = "required" if field.required else ""
            yield Offer(field.name, detail, field.description, behind=": ")


def _values(analysis: Analysis, file: str, cursor: Cursor) -> Iterator[Offer]:
    path, kind = cursor.path, cursor.kind
    if path == ("kind",):
        for name, model in KINDS.items():
            yield Offer(name, "kind", (model.__doc__ or "").strip())
    elif path == ("apiVersion",):
        yield Offer(API_VERSION)
    elif cursor.word.startswith(("./", "../")):
        yield from _files(analysis, file, cursor.word)
    elif kind is not None:
        yield from _words(analysis, kind, cursor)
        # A mapping may begin here.
        for field in keys_at(kind, path):
            yield Offer(field.name, "", field.description, behind=": ")


def _words(analysis: Analysis, kind: str, cursor: Cursor) -> Iterator[Offer]:
    path = plain(cursor.path)
    field = field_at(kind, path)
    for word in choices(kind, path):
        yield Offer(word, "", field.description if field else "")
    if takes_model(kind, path):
        yield from (Offer(model, "model") for model in MODELS)
    to = reference_kind(kind, path)
    if to is not None:
        yield from _names(analysis, to)
        if to == "vault":
            for name in analysis.index.declared("vault/"):
                vault, _, part = name.symbol.partition("#credentials.")
                if part:
                    yield Offer(f"{vault.partition('/')[2]}.{part}", "credential")
    if kind == "Overlay" and path[:1] == ("target",):
        for name in analysis.index.declared(f"{PROJECT}#targets."):
            yield Offer(name.symbol.rpartition(".")[2], "target")
    if path[:1] == ("approvals",) and path[-1:] == ("tool",):
        yield from _tools(analysis, cursor)


def _tools(analysis: Analysis, cursor: Cursor) -> Iterator[Offer]:
    """What an agent may ask for: its tools."""
    address = address_of(cursor.document)
    composed = analysis.graph.composed.get(address) if analysis.graph and address else None
    document = composed or cursor.document
    named = mapping_at(document, ("tools",))
    yield from (Offer(name, "built-in tool") for name in BUILT_IN_TOOLS if name in named)
    yield from (Offer(name, "custom tool") for name in mapping_at(document, ("custom",)))
    for server in mapping_at(document, ("mcp",)):
        tools = mapping_at(document, ("mcp", server, "tools"))
        yield from (Offer(f"{server}.{tool}", "MCP tool") for tool in tools)


def _files(analysis: Analysis, file: str, word: str) -> Iterator[Offer]:
    """What lies in the directory that the path so far leads to, inside of the project."""
    root = analysis.project.root
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(file), word.rpartition("/")[0]))
    if folder.startswith(".."):
        return
    try:
        entries = sorted((root / folder).iterdir())
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith("."):
            slash = "/" if entry.is_dir() else ""
            yield Offer(f"{word.rpartition('/')[0]}/{entry.name}{slash}", "file")
