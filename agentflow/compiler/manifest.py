"""What `compile` makes: every payload and every runtime policy of a project for one target.

A manifest is data without positions, so that moving a line changes nothing; where a value was
written is kept beside it, in `Compiled.sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from agentflow.diagnostics import Span
from agentflow.digests import sha256_of
from agentflow.records import field, record

__all__ = [
    "AgentPolicy",
    "ApprovalPolicy",
    "ArgumentPolicy",
    "BudgetPolicy",
    "Compiled",
    "CustomToolPolicy",
    "DeploymentPolicy",
    "DonePolicy",
    "GitHubSource",
    "HttpPolicy",
    "InputPolicy",
    "Manifest",
    "OutcomePolicy",
    "OutputPolicy",
    "PoolPolicy",
    "Resource",
    "SessionPolicy",
    "Target",
    "UncertaintyPolicy",
    "Upload",
    "WebhookPolicy",
    "canonical_json",
    "digest",
    "digest_of",
]

FORMAT = 1

SAME_ERROR = 5
"""What holds for an agent that says nothing of it."""


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


@cache
def _encoder() -> Callable[[Any], str]:
    """The function in C that `json` encodes with, where there is one: the package also loads a parser."""
    try:
        from _json import encode_basestring, make_encoder
    except ImportError:
        return _encoder_of_json()

    def encode(value: Any) -> str:
        options = (encode_basestring, None, ":", ",", True, False, False)
        return "".join(make_encoder({}, _plain, *options)(value, 0))

    try:
        encode({})
    except TypeError:  # another Python, with another list of arguments
        return _encoder_of_json()
    return encode


def _encoder_of_json() -> Callable[[Any], str]:
    from json import JSONEncoder

    return JSONEncoder(
        sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    ).encode


def canonical_json(value: Any) -> str:
    """One text per value: keys sorted, no spaces, no escapes beyond what JSON needs, no NaN."""
    return _encoder()(value)


def digest(value: Any) -> str:
    """`sha256:` and 64 hexadecimal digits, of the canonical JSON in UTF-8."""
    return digest_of(canonical_json(value))


def digest_of(canonical: str) -> str:
    """The same, of a text that is canonical JSON."""
    return "sha256:" + sha256_of(canonical.encode())


@record
class Upload:
    """A file that is sent beside a payload."""

    name: str
    """As the service is told; of a skill with its folder: `report-style/SKILL.md`."""
    path: str
    """Relative to the project."""
    sha256: str
    """64 hexadecimal digits, of the bytes."""


@record
class GitHubSource:
    """A folder of a repository at one commit, whose files are sent beside a payload."""

    repository: str
    """`owner/name`."""
    path: str
    """Of the folder; `.` is the root."""
    commit: str


@record
class Resource:
    """One thing to create on the service."""

    address: str
    kind: str
    """`agent`, `environment`, `deployment`, `vault`, `credential`, `memorystore`, `skill` or `file`."""
    name: str
    payload: Mapping[str, Any]
    """The whole request body except for ownership metadata and files. Texts may hold references to
    other resources and secrets, marked as in `compiler/late.py`, which apply fills in."""
    depends_on: tuple[str, ...]
    """Addresses that must exist first, sorted."""
    unchecked: tuple[str, ...]
    """JSON pointers that `raw:` set, sorted."""
    digest: str
    """Of the payload, and of the names and bytes of what is sent beside it."""
    parent: str | None = None
    """Address of what it is a part of: the vault of a credential. None: it stands for itself."""
    files: tuple[Upload, ...] = ()
    """Sent beside the payload, sorted by name."""
    source: GitHubSource | None = None
    """Where apply gets the files from that are not in the project. None: there are no such."""


@record
class InputPolicy:
    type: str
    required: bool
    default: Any
    """Of a `file`: its path, relative to the project."""
    enum: tuple[Any, ...] | None
    description: str | None


@record
class OutputPolicy:
    path: str
    """Relative to /mnt/session/outputs/."""
    required: bool
    schema: Mapping[str, Any] | None
    sections: tuple[str, ...]
    """Heading texts, without the remarks in parentheses."""


@record
class DonePolicy:
    text: str | None
    check: str | None
    """`package.module:function`. Exactly one of text, check and command is set."""
    command: tuple[str, ...] | None = None
    """Program and arguments. What starts with `./` is a path relative to the project."""
    timeout_s: float = 60.0
    """Of a check or a command."""


@record
class WebhookPolicy:
    """Somebody elsewhere who is asked by a signed request."""

    url: str
    secret: str
    """With the mark of a secret, which is read when the request is made."""


@record
class UncertaintyPolicy:
    mode: str
    record: str | None
    webhook: WebhookPolicy | None = None
    """Asked beside the people at terminals. None: only they are."""
    wait_s: float | None = None
    """None: no limit of its own."""


@record
class ApprovalPolicy:
    tool: str
    match: Mapping[str, str]
    answer: str | None
    """`allow` or `deny`; None: a person is asked."""
    message: str | None
    wait_s: float | None
    """None: no limit of its own."""
    on_timeout: str
    webhook: WebhookPolicy | None = None
    """Asked beside the people at terminals. None: only they are."""


@record
class PoolPolicy:
    """What the runs of a project may spend together."""

    name: str
    usd: str | None
    """Decimal text. None, here and below: no limit."""
    tokens: int | None
    per: str
    """`run`, `flow`, `day` or `month`."""
    timezone: str


@record
class BudgetPolicy:
    usd: str | None
    """Decimal text, so that it stays exact. None, here and below: no limit."""
    tokens: int | None
    turns: int | None
    tool_calls: int | None
    active_s: float | None
    wall_s: float | None
    warn_at: str
    """Share of a limit, as decimal text from 0 to 1."""
    pools: tuple[PoolPolicy, ...] = ()
    same_error: int | None = SAME_ERROR
    """Turns in a row with the same error of a tool that stop the run. None: none do."""


@record
class ArgumentPolicy:
    allow: tuple[str, ...] | None
    deny: tuple[str, ...]


@record
class HttpPolicy:
    url: str
    headers: Mapping[str, str]
    """Values may hold marks of secrets, which are read when the request is made."""
    expect: tuple[int, ...] | None
    """Statuses of success, sorted. None: 200 to 299."""


@record
class CustomToolPolicy:
    """At most one of `run`, `command` and `http` is set. None is: agentflow answers (`ask_user`)."""

    run: str | None
    """`package.module:function`."""
    command: tuple[str, ...] | None
    """Program and arguments. What starts with `./` is a path relative to the project."""
    http: HttpPolicy | None
    input_schema: Mapping[str, Any]
    timeout_s: float
    max_calls: int | None
    idempotent: bool
    policy: str
    arguments: Mapping[str, ArgumentPolicy]
    max_result: int | None = None
    """Characters of a result that the agent gets. None: as many as the service takes."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Of `run` and `command`. Values may hold marks of secrets."""


@record
class OutcomePolicy:
    description: str | None
    """None: the task of the run."""
    rubric: str
    max_iterations: int


@record
class SessionPolicy:
    """What every session of an agent is created with."""

    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[Mapping[str, Any], ...] = ()
    """As the service takes them. Ids and secrets are marked as in payloads."""
    vault_ids: tuple[str, ...] = ()
    """The first one with a credential that fits is used. Ids are marked as in payloads."""
    outcome: OutcomePolicy | None = None


@record
class DeploymentPolicy:
    """What a deployment needs beside the service."""

    agent: str
    """Address, or `id:agent_…`."""
    answered_by: str | None
    """Who answers what the service cannot; None: nothing asks."""


@record
class AgentPolicy:
    """What the runtime enforces for one agent; the model's side of it is in the payload."""

    environment: str | None
    """Address, or `id:env_…`."""
    model: str
    task: str | None
    """Jinja over `inputs`; `vars` are already in it."""
    inputs: Mapping[str, InputPolicy]
    outputs: Mapping[str, OutputPolicy]
    done: tuple[DonePolicy, ...]
    uncertainty: UncertaintyPolicy | None
    repair: int
    approvals: tuple[ApprovalPolicy, ...]
    budget: BudgetPolicy | None
    custom: Mapping[str, CustomToolPolicy]
    tools: Mapping[str, str]
    """Tools of the service that are on: name to allow, ask or auto. A tool of an MCP server is
    `server.tool`; `server.*` are all those of the server that have no entry of their own."""
    scratch: str | None
    session: SessionPolicy = field(default_factory=SessionPolicy)
    required_servers: tuple[str, ...] = ()
    """MCP servers that a run does not go on without."""


@record
class Target:
    name: str
    service: str
    """`local`, `anthropic` or a base URL."""
    script: str | None
    """Path of the model script, relative to the project. None: no script driver."""
    workspace: str | None
    telemetry: str | None = None
    """Base URL of a collector. None: the project names none."""
    telemetry_content: bool = False


@record
class Manifest:
    project: str
    target: Target
    resources: tuple[Resource, ...]
    """Sorted by address."""
    agents: Mapping[str, AgentPolicy]
    """By address."""
    deployments: Mapping[str, DeploymentPolicy] = field(default_factory=dict)
    """By address."""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        from dataclasses import asdict

        return asdict(self)

    @property
    def digest(self) -> str:
        return digest(self.to_json())

    def resource(self, address: str) -> Resource | None:
        return next((r for r in self.resources if r.address == address), None)


@record
class Compiled:
    manifest: Manifest
    sources: Mapping[str, Span] = field(default_factory=dict)
    """Where a value was written, by address and path: `agent/x#budget.usd`, `agent/x` for the whole."""
