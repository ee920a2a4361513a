"""For the tests of rules: projects in memory, and what one rule says about them.

A rule brings its examples with it: `check_rule` holds it to them. `findings` asks it about a project
of the test's own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from agentflow.compiler.ant.recognise import MARKDOWN, ant_kind
from agentflow.compiler.load import PROJECT_FILE
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic, has_errors
from agentflow.errors import FileRefused
from agentflow.lint.engine import scan
from agentflow.lint.own import PLUGIN_FAILED
from agentflow.lint.plugins import Plugin, Plugins, wrong_with
from agentflow.lint.rule import Context, Rule
from agentflow.source.markdown import split
from agentflow.spec.kinds import KINDS

__all__ = ["MemoryFiles", "check_rule", "findings"]

_PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: example\n"
_EXAMPLE = "example.yaml"
_SPEC = re.compile(rf"^(?:apiVersion:\s*agentflow/|kind:\s*(?:{'|'.join(KINDS)})\b)", re.M)


def _is_spec(path: str, text: str) -> bool:
    if path.endswith(MARKDOWN):
        page = split(text)
        own = page is not None and _SPEC.search(text[slice(*page.front)]) is not None
    else:
        own = path.endswith((".yaml", ".yml")) and _SPEC.search(text) is not None
    return own or ant_kind(path, text) is not None


class MemoryFiles:
    """`{path: text}` as `ports.Files`. A file that looks like a spec is one, as on disk."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)

    def specs(self) -> Sequence[str]:
        return sorted(
            path
            for path, text in self.files.items()
            if path == "agentflow.yaml" or _is_spec(path, text)
        )

    def read(self, path: str) -> str:
        """The text of `path`.

        Raises:
            FileRefused: there is none.
        """
        try:
            return self.files[path]
        except KeyError:
            raise FileRefused("AF001", path, f"There is no file {path!r}.") from None

    def digest(self, path: str) -> str:
        """Of the text in UTF-8; raises `FileRefused` as `read`."""
        return "sha256:" + hashlib.sha256(self.read(path).encode()).hexdigest()

    def size(self, path: str) -> int:
        """Of the text in UTF-8; raises `FileRefused` as `read`."""
        return len(self.read(path).encode())

    def folder(self, path: str) -> Sequence[str]:
        """The files below a folder, relative to it, sorted.

        Raises:
            FileRefused: there is none.
        """
        prefix = "" if path == "." else f"{path}/"
        found = sorted(name.removeprefix(prefix) for name in self.files if name.startswith(prefix))
        if not found:
            raise FileRefused("AF001", path, f"There is no folder {path!r}.")
        return found


def findings(rule: Rule, files: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """What a rule reports about a project and no comment suppresses, by place; at any level.

    Args:
        rule: of a plugin.
        files: text by path. `agentflow.yaml` is added unless it is here.

    Raises:
        AssertionError: the project has errors, or the rule is none, fails, or yields what is no
            finding of its own.
    """
    wrong = wrong_with(rule)
    if wrong is not None:
        raise AssertionError(f"{rule!r} cannot be used: {wrong}.")
    memory = MemoryFiles({PROJECT_FILE: _PROJECT, **files})
    built, problems = build(memory)
    if built.graph is None or has_errors(problems):
        raise AssertionError("The project has errors:\n" + "\n".join(map(_line, problems)))
    context = Context(graph=built.graph, compiled=built.compiled, files=memory)
    plugins = Plugins((Plugin("tested", "0", (rule,)),), complete=False)
    found = scan(context, rules=(), plugins=plugins)
    failed = [problem.message for problem in found if problem.code == PLUGIN_FAILED.id]
    if failed:
        raise AssertionError(failed[0])
    return tuple(problem for problem in found if problem.code == rule.code.id)


def check_rule(rule: Rule, *, files: Mapping[str, str] | None = None) -> None:
    """Hold a rule to its examples: it reports its Bad, with a place and a hint, and not its Good.

    Args:
        rule: of a plugin.
        files: what the examples refer to, text by path.

    Raises:
        AssertionError: it does not, or for the reasons of `findings`.
    """
    id = rule.code.id
    bad = findings(rule, _with(files, rule.bad))
    if not bad:
        raise AssertionError(f"{id} does not report its Bad.")
    for problem in bad:
        if problem.span is None:
            raise AssertionError(f"{id} does not say where: {problem.message}")
        if not problem.hint:
            raise AssertionError(f"{id} does not say what to do: {problem.message}")
    good = findings(rule, _with(files, rule.good))
    if good:
        raise AssertionError(f"{id} reports its Good:\n" + "\n".join(map(_line, good)))


def _with(files: Mapping[str, str] | None, example: str) -> Mapping[str, str]:
    """With a Project among its documents an example is the whole project."""
    is_whole = re.search(r"^kind: Project$", example, re.MULTILINE) is not None
    return {**(files or {}), PROJECT_FILE if is_whole else _EXAMPLE: example}


def _line(problem: Diagnostic) -> str:
    return f"{problem.span}: {problem.code} {problem.message}"
