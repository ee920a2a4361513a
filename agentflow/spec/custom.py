"""Custom tools: what the agent calls and your side runs, by a Python function, a program or a request."""

import re
from typing import Annotated, Literal, Self

from agentflow.patterns import regex
from agentflow.spec.base import SECRET_MARK, Count, Duration, File, Json, Secret, SpecModel, Text
from agentflow.spec.declare import (
    AfterValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

__all__ = [
    "RESULT_LIMIT",
    "RUNNERS",
    "ArgumentRule",
    "CustomTool",
    "HttpTool",
    "RequestUrl",
    "is_loopback",
]

RUNNERS = ("run", "command", "http")
"""The keys of which a custom tool has exactly one: what it is run by."""

RESULT_LIMIT = 100_000
"""Characters of a result; the service itself cuts its own tools' results at the same length."""

RESULT_LEAST = 1_000
"""Below this there would be little beside the note that says what was cut."""

_Length = Annotated[
    Count,
    Field(ge=RESULT_LEAST, le=RESULT_LIMIT),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": RESULT_LEAST, "maximum": RESULT_LIMIT},
                {"type": "string", "pattern": r"^([1-9]\d?(\.\d{1,3}0*)?|100(\.0+)?)k$"},
            ],
            "examples": ["20k", 5000],
        }
    ),
]


class ArgumentRule(SpecModel):
    """Globs an argument of a custom tool is held against before the tool runs; `deny` wins."""

    allow: list[Text] | None = Field(default=None, description="One of these must match.")
    deny: list[Text] | None = Field(default=None, description="None of these may match.")


def is_loopback(host: str) -> bool:
    """Whether a host name of a URL is this machine, without looking it up."""
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(value: str) -> str:
    """A URL that a request may go to.

    Raises:
        ValueError: it is none, or one that would give something away.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError as error:
        raise ValueError(f"{value!r} is not a URL: {error}.") from None
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f"{value!r} is not a URL: a port is a number up to 65535.") from None
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\\]", value):
        raise ValueError(f"{value!r} is not a URL such as https://desk.example.com/rates.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("A URL is stored and shown, so it holds no user and no password.")
    if parts.fragment:
        raise ValueError(f"The part '#{parts.fragment}' of a URL is never sent. Remove it.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"{value!r} would send the arguments unencrypted: only this machine is called by "
            "http. Write https."
        )
    return value


_URL_FORM = (
    r"^(https://([^/?#@\s\\:\[\]]+|\[[0-9A-Fa-f:.]+\])|http://(localhost|127(\.\d{1,3}){3}|\[::1\]))"
    r"(:\d{0,5})?([/?][^#\s\\]*)?$"
)

_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "upgrade"})
_HEADER_NAME = regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not the name of a header.")
    if value.lower() in _FRAMING:
        raise ValueError(f"The header {value!r} is set by the connection itself. Remove it.")
    return value


def _header_value(value: str) -> str:
    if not re.fullmatch(r"[ -~]*", SECRET_MARK.sub("", value)):
        raise ValueError("The value of a header is one line of ASCII characters.")
    if value != value.strip():
        raise ValueError("The value of a header has no spaces around it.")
    return value


RequestUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    AfterValidator(_url),
    Field(json_schema_extra={"pattern": _URL_FORM, "examples": ["https://desk.example.com/rates"]}),
]


def _either_case(word: str) -> str:
    return "".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word)


_NAME_FORM = f"^(?!({'|'.join(map(_either_case, sorted(_FRAMING)))})$)[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
HeaderName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_header_name),
    Field(json_schema_extra={"pattern": _NAME_FORM}),
]
HeaderValue = Annotated[
    str,
    StringConstraints(min_length=1, max_length=8192),
    AfterValidator(_header_value),
    Secret(required=False),
    Field(json_schema_extra={"pattern": "^[!-~]([ -~]*[!-~])?$"}),
]


def _variable(value: str) -> str:
    if "\0" in value:
        raise ValueError("A variable of the environment holds no NUL.")
    return value


VariableName = Annotated[str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
VariableValue = Annotated[
    str,
    StringConstraints(max_length=32_768),
    AfterValidator(_variable),
    Secret(required=False),
    Field(json_schema_extra={"pattern": r"^[^\u0000]*$"}),
]
Status = Annotated[int, Field(ge=200, le=599)]


class HttpTool(SpecModel):
    """One POST with the arguments as a JSON object; the body of the answer is the result."""

    url: RequestUrl = Field(
        description="Where the arguments are sent. https, or http on this machine. A redirect is "
        "not followed."
    )
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=64)] = Field(
        default_factory=dict, description="Sent with every call."
    )
    expect: Status | Annotated[list[Status], Field(min_length=1, max_length=64)] | None = Field(
        default=None,
        description="The status, or statuses, of success; any other is an error result. "
        "Default: all from 200 to 299.",
        examples=[200, [200, 201]],
    )


class CustomTool(SpecModel):
    """A tool that runs on your side: the agent calls it, agentflow executes it."""

    run: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]
        | None
    ) = Field(
        default=None,
        description="A Python callable, `package.module:function`, looked up from the project "
        "directory. Its schema is read from type hints and docstring.",
    )
    command: (
        Annotated[list[Annotated[Text, File(holds="data")]], Field(min_length=1, max_length=256)]
        | None
    ) = Field(
        default=None,
        description="A program and its arguments, run in the project directory without a shell. "
        "It gets the arguments of a call as a JSON object on standard input; its standard output "
        "is the result, and an exit code other than 0 an error.",
        examples=[["python3", "./tools/rate.py"]],
    )
    http: HttpTool | None = Field(
        default=None, description="A POST request with the arguments of a call as a JSON object."
    )
    env: Annotated[dict[VariableName, VariableValue], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Variables that `run` or `command` gets with every call, beside those of "
        "`agentflow run`: where a secret belongs.",
        examples=[{"DESK_TOKEN": "${secret.desk}"}],
    )
    description: Text | None = Field(
        default=None,
        description="What the agent is told. Default: the docstring of `run`; the others need one.",
    )
    input_schema: dict[str, Json] | None = Field(
        default=None,
        description="JSON Schema of the arguments. Default: from the type hints of `run`; the "
        "others need one.",
    )
    timeout: Duration = Field(default=60.0, description="A call that takes longer is stopped.")
    max_calls: Count | None = Field(default=None, description="Further calls in a run are refused.")
    max_result: _Length = Field(
        default=RESULT_LIMIT,
        description="Characters of a result that the agent gets. Of a longer one it gets the "
        "beginning and the end; the whole is kept with the run.",
    )
    idempotent: bool = Field(
        default=False,
        description="Running it twice does no harm: after a crash an unfinished call is run again.",
    )
    policy: Literal["allow", "ask"] = Field(
        default="allow", description="ask: the `approvals` rules decide each call."
    )
    arguments: dict[str, ArgumentRule] = Field(
        default_factory=dict, description="Rules by argument name."
    )

    @model_validator(mode="after")
    def _one_runner(self) -> Self:
        named = [name for name in RUNNERS if getattr(self, name) is not None]
        if not named:
            raise ValueError("Nothing runs this tool. Write one of `run`, `command` and `http`.")
        if len(named) > 1:
            both = " and ".join(f"`{name}`" for name in named)
            raise ValueError(f"A tool is run in one way, and this one has {both}.")
        if self.env and self.http is not None:
            raise ValueError("`env` is for what runs here. A request has `headers`.")
        return self
