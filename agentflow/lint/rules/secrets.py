"""AF90x: secrets in files that are committed, compiled and sent to a model.

The text of the files is searched, comments included, so that every place is exact.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.rule import Context, rule

__all__ = ["secret_from_environment", "secret_in_text"]

_FORMATS: tuple[tuple[str, str], ...] = (
    ("an Anthropic API key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{22,}"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("an AWS access key id", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", r"\bhooks\.slack\.com/services/T\w+/B\w+/\w{8,}"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
    (
        "an OpenAI API key",
        r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_]*(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{32,}",
    ),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ("a password in a URL", r"(?<=://)[^\s/:@\"'`{}$<>]+:[^\s/@\"'`{}$<>*]{3,}(?=@[\w.-]+)"),
)
_KNOWN_FORMAT = re.compile(
    "|".join(f"(?P<f{i}>{pattern})" for i, (_, pattern) in enumerate(_FORMATS))
)
_MARKS = re.compile(
    r"sk-|gh[pousr]_|_pat_|AKIA|ASIA|xox|slack\.com|AIza|k_(?:live|test)_|SG\.|npm_|pypi-|hf_|eyJ|BEGIN|://\S+@|glpat"
)
"""Whatever has none of these is not searched for the formats: most files."""

_NAMED = re.compile(
    r"(?i:\b[\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)\b)"
    r"[\"'`]?\s*(?i:is|=|:)\s*[\"'`]?(?P<value>[A-Za-z0-9+/_=.-]{19,}[A-Za-z0-9+/_=-])(?![A-Za-z0-9+/_=(-])"
)
_DUMMY = re.compile(
    r"(?i)example|placeholder|changeme|change_me|your|dummy|xxxx|\.\.\.|test-?key|redacted"
)


def _entropy_bits(text: str) -> float:
    """Shannon entropy per character: about 3 for words, 4 and more for random letters and digits."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def _looks_random(value: str) -> bool:
    return (
        any(c.isdigit() for c in value)
        and any(c.isalpha() for c in value)
        and not re.search(r"[/.].*[/.]|^\.|_\w+_\w+_", value)  # a path, a module, a long name
        and _entropy_bits(value) >= 3.5
    )


def _found(text: str) -> Iterator[tuple[str, int, int]]:
    """What it looks like, start and end."""
    taken: list[tuple[int, int]] = []
    if _MARKS.search(text):
        for match in _KNOWN_FORMAT.finditer(text):
            if not _DUMMY.search(match[0]):
                taken.append(match.span())
                yield _FORMATS[int((match.lastgroup or "f0")[1:])][0], *match.span()
    for match in _NAMED.finditer(text):
        start, end = match.span("value")
        if any(start < b and a < end for a, b in taken) or _DUMMY.search(match[0]):
            continue
        if _looks_random(match["value"]):
            yield "a secret", start, end


def _place(file: str, text: str, start: int, end: int) -> Span:
    line_start = text.rfind("\n", 0, start) + 1
    line = text.count("\n", 0, start) + 1
    return Span(file, line, start - line_start + 1, line, end - line_start + 1)


def _sources(ctx: Context) -> dict[str, str]:
    """The text of every file of the project that the linter sees."""
    files = {document.file: document.source for document in ctx.graph.documents}
    for agent in ctx.agents:
        for _, prose in ctx.texts(agent):
            if prose.source.document is None:
                files[prose.source.name] = prose.source.text
    return files


@rule("AF901", "secret-in-text", Severity.ERROR)
def secret_in_text(ctx: Context) -> Iterator[Diagnostic]:
    """A file holds what looks like a secret.

    It is in the history of the repository, goes into the compiled manifest, and what stands in a
    prompt is stored with every session and can be talked out of the agent. The finding shows its
    first four characters at most.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Read the orders from the API.
          The api_key is Zk3vX9qLm2TnR8wYb5Hc7Jd1.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: |
          Read the orders with the tool `orders_api`, which has the key.
    """
    for file, text in _sources(ctx).items():
        for what, start, end in _found(text):
            yield ctx.problem(
                _place(file, text, start, end),
                f"This looks like {what}: {text[start : start + 4]!r} and {end - start - 4} more "
                "characters.",
                hint="Revoke it, since it may be in the history already, and keep its successor in "
                "an environment variable that only a custom tool reads.",
            )


_FROM_ENVIRONMENT = re.compile(
    r"(?<!\$)\$\{env\.(?P<name>\w*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY"
    r"|CREDENTIALS?)\w*)[^}\n]*\}",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"(?:^|\s)#")


@rule("AF902", "secret-from-environment", Severity.WARNING)
def secret_from_environment(ctx: Context) -> Iterator[Diagnostic]:
    """A secret is substituted into what is compiled.

    `${env.X}` puts the value into the manifest as plain text: it is shown by plan, stored by the
    service, and read by the model if it ends up in a prompt.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: "Read the orders with the key ${env.ORDERS_API_KEY:-none}."
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Read the orders with the tool `orders_api`, which has the key.
    """
    for file, text in {d.file: d.source for d in ctx.graph.documents}.items():
        for match in _FROM_ENVIRONMENT.finditer(text):
            line_start = text.rfind("\n", 0, match.start()) + 1
            if _COMMENT.search(text[line_start : match.start()]):
                continue
            yield ctx.problem(
                _place(file, text, *match.span()),
                f"{match['name']!r} sounds like a secret, and its value becomes part of what is "
                "compiled.",
                hint="Let a custom tool read it with `os.environ`, and take it out of the spec.",
            )
