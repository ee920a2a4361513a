"""The Project kind: the specs below one `agentflow.yaml`, their variables and targets."""

from typing import Annotated, ClassVar, Literal, Self

from agentflow.spec.agent import VarSpec
from agentflow.spec.base import ApiVersion, FilePath, Identifier, Json, Name, SpecModel, Text, Word
from agentflow.spec.budget import PoolSpec
from agentflow.spec.declare import Field, StringConstraints, field_validator, model_validator

__all__ = [
    "CollectorUrl",
    "DefaultsSpec",
    "DriverSpec",
    "LintPathSpec",
    "LintSpec",
    "ProjectSpec",
    "SecretName",
    "SecretSource",
    "TargetSpec",
    "TelemetrySpec",
]


class DriverSpec(SpecModel):
    """What plays the model in the embedded service."""

    script: FilePath = Field(description="A YAML file with the model's turns.")


_SERVICE_FORM = (
    r"^(local|anthropic|(https://([^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])"
    r"|http://(localhost|127\.0\.0\.1|\[::1\]))(:0*[1-9]\d{0,4})?(/[^\s?#]*)?)$"
)
"""What the validator of `service` accepts, for editors."""


CollectorUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=2048)
]
"""What telemetry is sent to; inside of a cluster mostly by http."""


class TelemetrySpec(SpecModel):
    word_key: ClassVar[str | None] = "endpoint"

    endpoint: CollectorUrl | None = Field(
        default=None,
        description="The base URL of a collector that takes OTLP over HTTP. Credentials are in "
        "OTEL_EXPORTER_OTLP_HEADERS. Default: what OTEL_EXPORTER_OTLP_ENDPOINT says.",
        examples=["https://otel.example.com:4318"],
    )
    content: bool = Field(
        default=False,
        description="Tell what is said, and arguments and results of tools, too. Known secrets are "
        "masked.",
    )


_SERVICE = StringConstraints(
    pattern=r"^(local|anthropic|https?://.+)$", surely={"local", "anthropic"}.__contains__
)


class TargetSpec(SpecModel):
    """A service plus overrides."""

    service: Annotated[str, _SERVICE] = Field(
        description="local: the embedded service. anthropic: the hosted one. Or a base URL.",
        json_schema_extra={"pattern": _SERVICE_FORM},
    )
    driver: DriverSpec | None = Field(default=None, description="Only with `service: local`.")
    workspace: Text | None = Field(
        default=None, description="apply refuses to touch any other workspace."
    )
    vars: dict[Identifier, Json] = Field(
        default_factory=dict, description="Values for this target, over the defaults."
    )
    tests: list[Literal["handler", "render", "loop", "replay", "live"]] | None = Field(
        default=None,
        description="Layers of tests that `apply --require-tests` runs before it changes anything. "
        "Default: all but `live`.",
    )
    telemetry: Annotated[TelemetrySpec, Word()] | None = Field(
        default=None, description="Where runs on this target are told to, instead of the project's."
    )
    loosen: list[Literal["tools", "hosts", "budget"]] = Field(
        default_factory=list,
        description="What overlays and `--set` may make wider here than the specs say.",
    )

    @field_validator("service")
    @classmethod
    def _keeps_the_key(cls, service: str) -> str:
        """A base URL is sent the key, so it may neither show one nor be read on the way."""
        if not service.startswith("http"):
            return service
        from urllib.parse import urlsplit

        host = "A base URL has a host, and a port that exists: https://host:8443."
        try:
            url = urlsplit(service)
            port = url.port
        except ValueError:
            raise ValueError(host) from None
        if not url.hostname or port == 0:
            raise ValueError(host)
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("A base URL is a scheme, a host and a path; credentials go elsewhere.")
        if url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError(
                "The key would travel unencrypted: write https:// for another machine."
            )
        return service

    @model_validator(mode="after")
    def _driver_is_local(self) -> Self:
        if self.driver is not None and self.service != "local":
            raise ValueError("`driver` goes with `service: local`.")
        return self


Selector = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
"""A code, the name of a code, or a prefix of codes."""

BaselineFile = Annotated[
    str, StringConstraints(pattern=r"^(?:[^/\\\s][^/\\]*/)*[^/\\\s][^/\\]*\.json$")
]
"""A path from the root of the project."""

PluginName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$")
]
"""A distribution with rules, or one of its entry points."""

Verdict = Literal["off", "info", "warning", "error"]


class LintPathSpec(SpecModel):
    """What is different for some files."""

    extend_select: list[Selector] = Field(
        default_factory=list, description="Reported here as well, whatever the level."
    )
    ignore: list[Selector] = Field(default_factory=list, description="Not reported here.")
    severity: dict[Selector, Verdict] = Field(
        default_factory=dict, description="How severe a code is here; off: it is not reported."
    )


class LintSpec(SpecModel):
    """Which rules apply. Codes are written in full, by name, or as a prefix such as `AF6`."""

    level: Literal["regular", "strict", "auditor"] = Field(
        default="regular",
        description="strict: also matters of taste. auditor: also what only a person can judge.",
    )
    select: list[Selector] = Field(
        default_factory=list, description="Only these are reported. Empty: all of the level."
    )
    extend_select: list[Selector] = Field(
        default_factory=list, description="These are reported as well, whatever the level."
    )
    ignore: list[Selector] = Field(
        default_factory=list,
        description="Not reported. A longer prefix, or a whole code, counts more than a shorter one.",
    )
    severity: dict[Selector, Verdict] = Field(
        default_factory=dict, description="How severe a code is; off: it is not reported."
    )
    paths: dict[Text, LintPathSpec] = Field(
        default_factory=dict,
        description="By directory or glob, from the root of the project: what differs there. "
        "`*` also stands for `/`.",
    )
    baseline: BaselineFile | None = Field(
        default=None,
        description="A file with known findings, which are not reported: `.agentflow-baseline.json`.",
    )
    plugins: list[PluginName] = Field(
        default_factory=list,
        description="Installed distributions whose rules are run too.",
    )


SecretSource = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s].*|keyring:[^/\s]+/[^/\s]+)$"
    ),
]
"""Where a secret is read when it is needed."""

SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$")]


class DefaultsSpec(SpecModel):
    """What specs of a kind start from, before everything else."""

    agent: dict[str, Json] = Field(default_factory=dict, description="Keys as in an Agent.")
    environment: dict[str, Json] = Field(
        default_factory=dict, description="Keys as in an Environment."
    )
    deployment: dict[str, Json] = Field(
        default_factory=dict, description="Keys as in a Deployment."
    )


class ProjectSpec(SpecModel):
    """The root of a project."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Project"] = Field(description="What this document declares.")
    name: Name = Field(description="Marks what belongs to the project on a service.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    vars: dict[Identifier, VarSpec] = Field(
        default_factory=dict, description="Values for every spec: `${var.x}` and `{{ vars.x }}`."
    )
    secrets: dict[SecretName, SecretSource] = Field(
        default_factory=dict,
        description="Where `${secret.x}` is read: `env:NAME`, `file:PATH` or `keyring:service/user`.",
    )
    defaults: DefaultsSpec = Field(
        default_factory=DefaultsSpec, description="What specs of a kind start from."
    )
    pools: dict[Name, PoolSpec] = Field(
        default_factory=dict,
        description="What runs may spend together, by a name for `budget.pools` of agents.",
    )
    targets: dict[Name, TargetSpec] = Field(
        default_factory=dict,
        description="Where the project can be applied. `local` always exists.",
    )
    telemetry: Annotated[TelemetrySpec, Word()] | None = Field(
        default=None,
        description="Where runs are told to, as spans and metrics of OpenTelemetry. Default: where "
        "OTEL_EXPORTER_OTLP_ENDPOINT says, or nowhere.",
    )
    lint: LintSpec = Field(default_factory=LintSpec, description="Which rules of lint apply.")
