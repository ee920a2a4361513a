"""AF90x: secrets in files that are committed, compiled and sent to a model.

The text of the files is searched, comments included, so that every place is exact.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.prose import lowered
from agentflow.lint.rule import Context, rule
from agentflow.patterns import regex
from agentflow.records import NamedTuple

__all__ = ["secret_from_environment", "secret_in_text"]


class _Format(NamedTuple):
    what: str
    marks: tuple[str, ...]
    """A text without any of them is not searched: most texts have none."""
    pattern: str
    is_apart: bool = False
    """The mark may be another word than what is found."""


def _format(what: str, marks: str, pattern: str, *, is_apart: bool = False) -> _Format:
    return _Format(what, tuple(marks.split()), pattern, is_apart)


_SHORTEST = 10
"""Characters of a word that a format finds, at least."""


# A table of our own: detect-secrets 1.5.0 takes 110 to 160 ms to import, several times all of lint, and
# 27 ms for a file where this takes 0.2; on specs it takes pinned commits for secrets and misses keys in
# prose. Measured on 2026-11-23 with the projects below tests/cases/lint.
_FORMATS = (
    _format("an Anthropic API key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    _format(
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"gh[pousr]_[A-Za-z0-9]{36,}\b|github_pat_[A-Za-z0-9_]{22,}",
    ),
    _format("a GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,}"),
    _format("an AWS access key id", "AKIA ASIA", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    _format("a Slack token", "xox", r"xox[abeprs]-[A-Za-z0-9-]{10,}"),
    _format("a Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/T\w+/B\w+/\w{8,}"),
    _format("a Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _format("a Stripe key", "k_live_ k_test_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _format("a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _format("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _format("a PyPI token", "pypi-", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    _format("a Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{30,}\b"),
    _format("an OpenAI API key", "sk-", r"\bsk-(?!ant-)(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{32,}"),
    _format("a Google client secret", "GOCSPX-", r"\bGOCSPX-[A-Za-z0-9_-]{20,}"),
    _format("a DigitalOcean token", "_v1_", r"\bdo[oprt]_v1_[a-f0-9]{64}\b"),
    _format("a Databricks token", "dapi", r"\bdapi[a-f0-9]{32}(?:-\d)?\b"),
    _format("a Linear key", "lin_api_", r"\blin_api_[A-Za-z0-9]{32,}"),
    _format(
        "a Notion token", "ntn_ secret_", r"\b(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})\b"
    ),
    _format("a Telegram bot token", ":AA", r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,}"),
    _format("a Twilio key", "SK AC", r"\b(?:SK|AC)[a-f0-9]{32}\b"),
    _format("a Mailchimp key", "-us", r"\b[a-f0-9]{32}-us\d{1,2}\b"),
    _format(
        "a Square token", "sq0 EAAA", r"\b(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,}|EAAA[A-Za-z0-9_-]{60})"
    ),
    _format("an Azure storage key", "AccountKey", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    _format(
        "a Discord token",
        "iscord ISCORD",
        r"\b[MNO][A-Za-z\d_-]{23,25}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,}",
        is_apart=True,
    ),
    _format("an age key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    _format("a JSON Web Token", "eyJ", r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    _format("a private key", "PRIVATE", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", is_apart=True),
    _format(
        "what a server is told to let one in",
        "uthorization UTHORIZATION",
        r"(?i)authorization[\"'`]?\s*:\s*[\"'`]?(?:bearer|basic|token)\s+"
        r"(?P<value>(?=[\w+/=.~-]*\d)[\w+/=.~-]{12,})",
        is_apart=True,
    ),
    _format(
        "a password in a URL",
        "://",
        r"(?<=://)[^\s/:@\"'`{}$<>]+:[^\s/@\"'`{}$<>*]{3,}(?=@[\w.-]+)",
    ),
)

_NAMED = regex(
    r"(?:pass(?:word|wd|phrase)|secret|token|(?:(?<=api)|(?<=api[_-])|(?<=access)|(?<=access[_-])"
    r"|(?<=private)|(?<=private[_-]))key)\b"
    r"[\"'`]?\s*(?:is|=|:)\s*[\"'`]?(?=[a-z0-9+/_=.-]{20})"
)
"""In lower case: what stands before a value that has to be secret."""
_NAMES = ("pass", "secret", "token", "key")
"""It begins with one of them."""
_PASSWORD = (
    r"(?:password|passwd|passphrase|pwd)\b[\"'`]?\s*(?:is|=|:)\s*[\"'`]?"
    r"(?P<value>[^\s\"'`{}<>$,;]{8,64}?)(?=[\"'`,;)]|\.?(?:\s|$))"
)
"""In lower case: a password may be short, and is told from a word by the kinds of its characters."""
_KINDS = (r"[a-z]", r"[A-Z]", r"\d", r"[^A-Za-z\d]")
_VALUE = r"[A-Za-z0-9+/_=.-]{19,199}[A-Za-z0-9+/_=-](?![A-Za-z0-9+/_=(-])"
_DUMMY = r"(?i)example|placeholder|changeme|change_me|your|dummy|xxxx|\.\.\.|test-?key|redacted"


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


def _in_question(text: str, formats: Iterable[_Format]) -> Iterator[_Format]:
    """The formats that a mark of is in a text: in a word long enough, of which there are few others."""
    words = " ".join({word for word in text.split() if len(word) >= _SHORTEST})
    for entry in formats:
        searched = text if entry.is_apart else words
        if any(mark in searched for mark in entry.marks):
            yield entry


def _named(lower: str) -> Iterator[re.Match[str]]:
    """What stands before values that have to be secret: looked for where a name of theirs is."""
    starts = set()
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            starts.add(at)
            at = lower.find(name, at + 1)
    for at in sorted(starts):
        if found := _NAMED.match(lower, at):
            yield found


def secrets_in(text: str, formats: Sequence[_Format] = _FORMATS) -> Iterator[tuple[str, int, int]]:
    """What it looks like, start and end.

    Args:
        formats: the others have no mark in the text, as the caller knows.
    """
    taken: list[tuple[int, int]] = []
    for entry in _in_question(text, formats) if formats else ():
        for match in re.finditer(entry.pattern, text):
            if not re.search(_DUMMY, match[0]):
                span = match.span("value" if "value" in match.re.groupindex else 0)
                taken.append(span)
                yield entry.what, *span
    lower = lowered(text)
    for name in _named(lower):
        value = re.compile(_VALUE).match(text, name.end())
        if value is None or re.search(_DUMMY, text[name.start() : value.end()]):
            continue
        start, end = value.span()
        if _looks_random(value[0]) and not any(start < b and a < end for a, b in taken):
            taken.append((start, end))
            yield "a secret", start, end
    for match in re.finditer(_PASSWORD, lower) if "pass" in text or "pwd" in text else ():
        start, end = match.span("value")
        if _looks_like_password(text[start:end]) and not any(
            start < b and a < end for a, b in taken
        ):
            yield "a password", start, end


def _looks_like_password(value: str) -> bool:
    """Of a digit and at least two other kinds of characters, and not a path or a call."""
    kinds = sum(re.search(kind, value) is not None for kind in _KINDS)
    return (
        kinds > 2
        and any(c.isdigit() for c in value)
        and not re.search(_DUMMY, value)
        and not re.search(r"[/()\[\]]|^\W|\.\w+$", value)
    )


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
    sources = _sources(ctx)
    formats = tuple(_in_question("\n".join(sources.values()), _FORMATS))
    for file, text in sources.items():
        for what, start, end in secrets_in(text, formats):
            shown = min(4, (end - start) // 4)  # of a password, hardly anything
            yield ctx.problem(
                _place(file, text, start, end),
                f"This looks like {what}: {text[start : start + shown]!r} and {end - start - shown} "
                "more characters.",
                hint="Revoke it, since it may be in the history already, and keep its successor in "
                "an environment variable that only a custom tool reads.",
            )


_FROM_ENVIRONMENT = (
    r"(?i)(?<!\$)\$\{env\.(?P<name>\w*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY"
    r"|CREDENTIALS?)\w*)[^}\n]*\}"
)
_COMMENT = r"(?:^|\s)#"


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
        if "${env." not in text:
            continue
        for match in re.finditer(_FROM_ENVIRONMENT, text):
            line_start = text.rfind("\n", 0, match.start()) + 1
            if re.search(_COMMENT, text[line_start : match.start()]):
                continue
            yield ctx.problem(
                _place(file, text, *match.span()),
                f"{match['name']!r} sounds like a secret, and its value becomes part of what is "
                "compiled.",
                hint="Let a custom tool read it with `os.environ`, and take it out of the spec.",
            )
