"""AF701: packages that a prompt has installed, against what the environment has and lets through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.compiler.reach import is_open
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule

__all__ = [
    "install_in_prompt",
]

_OPTIONS = r"(?: --?[a-z][\w=./-]*)*"


_NAME = r"(?: ['\"]?(?P<name>@?[a-z][\w./-]*\w|@?[a-z]))?"


_INSTALL = Phrase(
    r"(?:(?:(?:python[\d.]*|py) -m )?(?P<pip>pip3?|uv pip|uv|pipx|poetry|conda|mamba)"
    + _OPTIONS
    + r" (?:install|add)|(?P<npm>npm|yarn|pnpm|bun)"
    + _OPTIONS
    + r" (?:install|i|add|ci)|(?P<npx>npx|uvx|bunx|pnpm dlx|yarn dlx|pipx run)(?= [@a-z-])"
    + r"|(?P<apt>apt(?:-get)?|aptitude|apk|yum|dnf|brew)"
    + _OPTIONS
    + r" (?:install|add)|(?P<cargo>cargo) (?:install|add)|(?P<gem>gem|bundle) install"
    + r"|(?P<go>go) (?:install|get)(?= (?:-u )?[\w-]+\.[\w-]+/))\b(?P<options>"
    + _OPTIONS
    + ")"
    + _NAME,
    marks=(
        *("install", "uv", "yarn", "npm", "npx", "pnpm", "bun", "pipx", "poetry", "conda", "apk"),
        *("cargo", "go get"),
    ),
    wraps=False,
)


_INSTALL_BY = Phrase(
    r"(?:install (?P<name>(?:the )?[@\w][\w./-]*)(?: [\w,'\s-]{0,40}?)? (?:with|using|via|through|from)"
    r"|use|using) `?(?:(?P<pip>pip3?|pypi|conda)|(?P<npm>npm|yarn|pnpm)|(?P<apt>apt(?:-get)?|brew)"
    r"|(?P<cargo>cargo)|(?P<gem>rubygems))\b(?(name)|`? (?:to|for) install)",
    marks=("install",),
)
"""In words, as in "install pandas with pip"."""


@rule("AF701", "install-in-prompt", Severity.WARNING, confidence="medium")
def install_in_prompt(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt has packages installed that the environment neither has nor allows.

    Package managers cannot reach their registries unless `network.packages` says so. The agent
    tries, fails and tries again, in every session and at the price of tokens. Declared packages are
    installed once, before the session starts.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Run `pip install pandas`, then analyse the orders.
        ---
        kind: Environment
        name: analytics
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Analyse the orders with pandas, which is installed.
        ---
        kind: Environment
        name: analytics
        network: { packages: true }
        packages: { pip: [pandas==2.3.3] }
    """
    for agent in ctx.agents:
        environment = ctx.environment_of(agent)
        if environment is None or is_open(environment.spec) or environment.spec.network.packages:
            continue
        for field, prose in ctx.texts(agent):
            for match in (*prose.find(_INSTALL), *prose.find(_INSTALL_BY)):
                manager = _manager(match)
                if getattr(environment.spec.packages, manager):
                    continue  # declared and not reachable: the compiler says so
                package = _package(prose, match)
                if package in _THERE:
                    continue
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} has "
                    f"{repr(package) if package else 'packages'} installed with {manager}, but "
                    f"environment {environment.spec.name!r} neither declares nor allows that.",
                    hint=f"Take it out of the {field} and write `packages: {{ {manager}: "
                    f"[{package or '...'}] }}` and `network: {{ packages: true }}` in the "
                    "environment.",
                    related=((environment.span("name"), "the environment"),),
                )


_THERE = frozenset({"playwright"})
"""What every sandbox of the service has, of what `npx` and the like are used for."""


def _manager(match: re.Match[str]) -> str:
    """The one of the service that a command belongs to."""
    from agentflow.spec.environment import PACKAGE_MANAGERS

    groups = match.groupdict()
    if groups.get("npx"):
        return "pip" if match["npx"] in ("uvx", "pipx run") else "npm"
    return next(name for name in PACKAGE_MANAGERS if groups.get(name))


def _package(prose: Prose, match: re.Match[str]) -> str | None:
    """What is installed. None: it is not said, or it is a list or a directory."""
    name = prose.written(match, "name").removeprefix("the ") if match["name"] else None
    listed = re.search(
        r"(?: -r| -e| --requirement| --editable)\b", match.groupdict().get("options") or ""
    )
    return None if listed else name
