"""Which files are written for the official CLI's `apply`, and of which kind.

Such a file does not say whom it is for, so it must be certain that it is for nobody else: it has
neither `kind` nor `apiVersion`, its kind follows from where it is, and it has the fields of that kind.
Works on text, by its keys at the left margin: every Markdown and YAML file of a project is looked at.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from agentflow.digests import sha256_of
from agentflow.patterns import regex

__all__ = ["DIRECTORIES", "FIELDS", "MARKDOWN", "SUFFIXES", "ant_kind", "ant_name", "may_be_ant"]

DIRECTORIES = {
    "agents": "agent",
    "environments": "environment",
    "memory_stores": "memory_store",
    "deployments": "deployment",
}
"""The kind of the files in a folder, by its name."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "agent": (
        "name",
        "description",
        "model",
        "system",
        "tools",
        "mcp_servers",
        "skills",
        "multiagent",
        "execution_identity",
        "metadata",
    ),
    "environment": ("name", "description", "config", "scope", "metadata"),
    "memory_store": ("name", "description", "metadata"),
    "deployment": (
        "name",
        "description",
        "agent",
        "environment_id",
        "initial_events",
        "schedule",
        "budget",
        "resources",
        "vault_ids",
        "metadata",
    ),
}
"""The keys of a file, beside `type`: those of the request that creates the resource."""

MARKDOWN = (".md", ".markdown")
SUFFIXES = (*MARKDOWN, ".yaml", ".yml", ".json")

_NAME = regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEY = regex(r"^[\"']?([A-Za-z_][\w-]*)[\"']?[ \t]*:(?:[ \t]+(.*))?$", re.M)
_TYPED = regex(
    r"^[\"']?type[\"']?:[ \t]*[\"']?(?:agent|environment|memory_store|deployment)\b", re.M
)
_PREFIXES = {
    "agent": "agent",
    "environment": "environment",
    "memory_store": "memory_store",
    "memory-store": "memory_store",
    "deployment": "deployment",
}
_TOOLSETS = regex(r"\b(?:agent_toolset_\d+|mcp_toolset)\b")
_SANDBOX = regex(r"\btype[\"']?:[ \t]*[\"']?(?:cloud|self_hosted)\b")


def ant_name(path: str) -> str:
    """The name of what a file or a folder of a skill declares: from its path alone.

    `agents/Data Analyst.md` is `data-analyst`, `desk/agents/analyst.md` is `desk-analyst`: what else
    there is makes no difference, so adding a file renames nothing.
    """
    parts = path.removesuffix("/").split("/")
    stem, suffix = posixpath.splitext(parts[-1])
    parts[-1] = stem if suffix in SUFFIXES else parts[-1]
    if len(parts) > 1 and parts[-2] in (*DIRECTORIES, "skills"):
        del parts[-2]
    name = "-".join(parts)
    if not _NAME.fullmatch(name):
        name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if 0 < len(name) <= 63:
        return name
    sign = sha256_of(path.encode())[:8]
    return f"{name[:54].strip('-') or 'unnamed'}-{sign}"


def may_be_ant(path: str, text: str = "") -> bool:
    """Whether it is worth to read a file, or to look closer at its text."""
    if path.endswith(MARKDOWN):
        return posixpath.basename(path) != "SKILL.md"
    return path.endswith(SUFFIXES) and (_by_place(path) is not None or _says_type(text))


def ant_kind(path: str, text: str) -> str | None:
    """`agent`, `environment`, `memory_store` or `deployment`; None: it is for somebody else.

    The kind is its top-level `type`, else that of its folder, else what its name begins with; a
    Markdown file that is none of these is an agent.

    Args:
        path: project-relative.
        text: of the whole file.
    """
    if not may_be_ant(path, text) or text.startswith("apiVersion: "):
        return None
    if path.endswith(MARKDOWN):
        from agentflow.source.markdown import split

        page = split(text.removeprefix("\ufeff"))
        if page is None:
            return None
        text = text.removeprefix("\ufeff")[slice(*page.front)]
    top = _top_level(text)
    if "name" not in top or "kind" in top or "apiVersion" in top:
        return None
    kind = top.get("type", "").strip("\"' ")
    if kind not in FIELDS:
        by_place = _by_place(path)
        kind = by_place or ("agent" if path.endswith(MARKDOWN) else "")
    return kind if kind and _fits(kind, top, text) else None


def _by_place(path: str) -> str | None:
    folder, name = posixpath.split(path)
    found = DIRECTORIES.get(posixpath.basename(folder))
    if found is not None:
        return found
    for prefix, kind in _PREFIXES.items():
        if name.startswith(prefix):
            rest = name[len(prefix) :].removeprefix("s")
            return kind if not rest or rest[0] in "._-" else None
    return None


def _says_type(text: str) -> bool:
    """Whether a line begins with a `type` of one of the kinds."""
    words = ("type", '"type', "'type")
    begins = text.startswith(words) or any(f"\n{word}" in text for word in words)
    return begins and _TYPED.search(text) is not None


def _top_level(text: str) -> dict[str, str]:
    """The keys at the left margin, with what stands on their lines."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        return _of_json(text)
    return {match[1]: match[2] or "" for match in _KEY.finditer(text)}


def _of_json(text: str) -> dict[str, str]:
    from json import loads

    try:
        data: Any = loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {str(k): v if isinstance(v, str) else "" for k, v in data.items()}


def _fits(kind: str, top: Mapping[str, str], text: str) -> bool:
    """Whether the fields are those of the kind, and not those of a namesake of another tool."""
    only_known = set(top) <= {*FIELDS[kind], "type"}
    if kind == "agent":
        return _is_agent(top, text)
    if kind == "environment":
        return _SANDBOX.search(text) is not None if "config" in top else only_known
    if kind == "deployment":
        return "agent" in top and ("environment_id" in top or only_known)
    return only_known


def _is_agent(top: Mapping[str, str], text: str) -> bool:
    """Other tools name tools by words in one line, and models by short names."""
    tools = top.get("tools", "").split("#")[0].strip()
    if tools and tools[0] not in "[{*&!":
        return False
    if _TOOLSETS.search(text):
        return True
    model = top.get("model")
    if model is None:
        return False
    word = model.split("#")[0].strip("\"' ")
    return word.startswith("claude-") or (
        (not word or word[0] == "{") and re.search(r"\bid\b", text) is not None
    )
