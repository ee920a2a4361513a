"""[io] The inputs of a run: what was given, completed with defaults and checked against the policy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import AgentPolicy, InputPolicy
from agentflow.errors import UsageError

__all__ = ["resolve_inputs"]


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


_FROM_TEXT: dict[str, tuple[Callable[[str], Any], str]] = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "number": (float, "a number"),
    "boolean": (_boolean, "true or false"),
}


def _file(name: str, text: str, base: Path) -> Path:
    path = (base / text).absolute()
    if not path.is_file():
        what = "a directory" if path.is_dir() else "not a file that exists"
        raise UsageError(f"The input {name!r} is a file, and {text!r} is {what}.")
    return path


def _convert(name: str, rule: InputPolicy, text: str, base: Path) -> Any:
    if rule.type == "file":
        # Only here: a default that begins with `~` was checked as a file of the project.
        return _file(name, os.path.expanduser(text), base)  # noqa: PTH111 - Path's raises for an unknown user
    convert, words = _FROM_TEXT[rule.type]
    try:
        value = convert(text)
    except (ValueError, KeyError):
        raise UsageError(f"The input {name!r} is {words}, not {text!r}.") from None
    return _allowed(name, rule, value)


def _allowed(name: str, rule: InputPolicy, value: Any) -> Any:
    if rule.enum is not None and value not in rule.enum:
        choices = ", ".join(str(choice) for choice in rule.enum)
        raise UsageError(f"The input {name!r} is one of {choices}, not {value!r}.")
    return value


def resolve_inputs(
    policy: AgentPolicy, given: Mapping[str, str], *, root: Path, working: Path
) -> dict[str, Any]:
    """Every declared input with its value; a `file` is the path of a file that exists.

    Args:
        policy: the agent's.
        given: texts from the command line, by name. Their files are relative to `working`.
        root: the project's directory, which files of defaults are relative to.
        working: the working directory.

    Raises:
        UsageError: an input that is not declared, is missing, or has a value it may not have.
    """
    for name in given:
        if name not in policy.inputs:
            near = get_close_matches(name, policy.inputs, n=1)
            known = ", ".join(policy.inputs) or "none"
            hint = f"Did you mean {near[0]!r}?" if near else f"Its inputs: {known}."
            raise UsageError(f"The agent has no input {name!r}.", hint=hint)
    values: dict[str, Any] = {}
    for name, rule in policy.inputs.items():
        if name in given:
            values[name] = _convert(name, rule, given[name], working)
        elif rule.required:
            what = f" ({rule.description})" if rule.description else ""
            raise UsageError(
                f"The input {name!r}{what} has no value and no default.",
                hint=f"Give it with --input {name}=VALUE.",
            )
        else:
            default = rule.default
            values[name] = (
                _file(name, str(default), root)
                if rule.type == "file"
                else _allowed(name, rule, default)
            )
    return values
