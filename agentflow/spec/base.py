"""The base model and the field types that several kinds share.

A spec arrives here as plain data: substitution has been done, numbers with a fraction are `Decimal`.
Messages raised by validators are shown to users as they stand, so they are full sentences.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from agentflow.patterns import regex
from agentflow.records import record
from agentflow.spec.declare import (
    BeforeValidator,
    Field,
    ShortForm,
    SpecModel,
    StringConstraints,
    WithJsonSchema,
    Word,
    expand_word,
)

__all__ = [
    "API_VERSION",
    "SECRET_FORM",
    "SECRET_MARK",
    "AgentRef",
    "Cost",
    "Count",
    "CredentialRef",
    "Duration",
    "EnvironmentRef",
    "File",
    "FilePath",
    "FolderPath",
    "Identifier",
    "Json",
    "MaybeSecret",
    "MemoryStoreRef",
    "Metadata",
    "Money",
    "Name",
    "Percent",
    "RefTo",
    "Secret",
    "SecretText",
    "ShortForm",
    "SkillRef",
    "SpecModel",
    "Text",
    "Title",
    "ToolName",
    "ToolsetRef",
    "Url",
    "VaultRef",
    "Word",
    "expand_word",
    "parse_cost",
    "parse_count",
    "parse_duration",
    "parse_percent",
]

API_VERSION = "agentflow/v1"

Json = Any
"""Data as JSON has it. Not a recursive union: it is handed on, never taken apart."""


def _shown(value: object) -> str:
    """A value in a message, as YAML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "A mapping" if isinstance(value, dict) else "A list"
    return repr(value) if isinstance(value, str) else str(value)


_SECONDS = {"s": 1, "m": 60, "h": 3600}
_DURATION = regex(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")


def parse_duration(value: object) -> float:
    """`90s`, `20m`, `1h30m`, `250ms` -> seconds.

    Raises:
        ValueError: no unit, or not a duration.
    """
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        raise ValueError(f"A duration needs a unit: write {value}s, {value}m or {value}h.")  # noqa: TRY004
    if isinstance(value, str) and value[:-1].isdecimal() and value[-1] in _SECONDS:
        seconds = int(value[:-1]) * _SECONDS[value[-1]]  # as most durations are written
        if seconds > 0:
            return float(seconds)
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError(f"{_shown(value)} is not a duration such as 30s, 20m or 1h30m.")
    hours, minutes, seconds, millis = (int(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds + millis / 1000
    if total == 0:
        raise ValueError("A duration is longer than zero.")
    return total


_THOUSANDS = {"k": 1_000, "M": 1_000_000}
_COUNT = regex(r"(\d+(?:\.\d+)?)([kM])")


def parse_count(value: object) -> int:
    """`60`, `400k`, `1.5M` -> a whole number above zero.

    Raises:
        ValueError: it is not one.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    elif isinstance(value, str) and value[:-1].isdecimal() and value[-1] in _THOUSANDS:
        number = Decimal(value[:-1]) * _THOUSANDS[value[-1]]
    elif isinstance(value, str) and (match := _COUNT.fullmatch(value)):
        number = Decimal(match[1]) * _THOUSANDS[match[2]]
    else:
        text = f"{_shown(value)} is not a whole number such as 60, 400k or 1.5M."
        raise ValueError(_quoted(value, "integer") or text)
    if number != int(number) or number < 1:
        raise ValueError(f"{_shown(value)} is not a whole number above zero.")
    return int(number)


def _quoted(value: object, type_: str) -> str | None:
    """What is said of a number that is text: quoted, or from the environment."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,30}(\.\d{1,30})?", value):
        return None
    return (
        f"{_shown(value)} is text. Write the number without quotes; one from the environment comes "
        f"by a variable of the type {type_}."
    )


def parse_money(value: object) -> Decimal:
    """Dollars, exact. Integers and decimals only: a unit or a sign is an error.

    Raises:
        ValueError: it is not an amount above zero, or finer than a cent.
    """
    amount = parse_cost(value)
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        raise ValueError(f"{value} is finer than a cent, which the service cannot hold.")
    return amount


def parse_cost(value: object) -> Decimal:
    """Dollars as `parse_money`, but of any fineness: what a run of a script costs is below a cent.

    Raises:
        ValueError: it is not an amount above zero.
    """
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        text = f"{_shown(value)} is not an amount in dollars such as 2.50, without a unit."
        raise ValueError(_quoted(value, "number") or text)  # noqa: TRY004 - pydantic reports ValueErrors alone
    amount = Decimal(value)
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"{value} is not an amount above zero.")
    return amount


def parse_percent(value: object) -> Decimal:
    """`80%` -> 0.8.

    Raises:
        ValueError: no percent sign, or not between 1 and 100.
    """
    if isinstance(value, str) and (match := re.fullmatch(r"(\d{1,3})%", value)):
        share = int(match[1])
        if 1 <= share <= 100:
            return Decimal(share) / 100
    raise ValueError(f"{_shown(value)} is not a share such as 80%.")


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?=.*[1-9])(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$",
            "examples": ["20m"],
        }
    ),
]
"""Seconds."""

Count = Annotated[
    int,
    BeforeValidator(parse_count),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {
                    "type": "string",
                    # As many decimals as make a whole number, which is above zero.
                    "pattern": r"^(?=.*[1-9])\d+([kM]|\.(\d{1,3}0*k|\d{1,6}0*M))$",
                },
            ],
            "examples": [60, "400k"],
        }
    ),
]

Money = Annotated[
    Decimal,
    BeforeValidator(parse_money),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "examples": [2.5]}),
]
"""US dollars."""

Cost = Annotated[
    Decimal,
    BeforeValidator(parse_cost),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "examples": [0.004]}),
]
"""US dollars that were spent, which may be less than a cent."""

Percent = Annotated[
    Decimal,
    BeforeValidator(parse_percent),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(0{0,2}[1-9]|0?[1-9]\d|100)%$",
            "examples": ["80%"],
        }
    ),
]
"""A share from 0 to 1."""


def _is_plain_name(text: str) -> bool:
    return (
        0 < len(text) <= 63
        and text.isascii()
        and text.islower()
        and text.replace("-", "").isalnum()
        and text[0] != "-" != text[-1]
    )


def _is_plain_identifier(text: str) -> bool:
    return len(text) <= 64 and text.isascii() and text.isidentifier()


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", surely=_is_plain_name),
]
"""Lower-case letters, digits and hyphens, at most 63, as in host names: it is part of an address."""

Text = Annotated[str, StringConstraints(min_length=1)]

Title = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""What people see on the service, where `name` is part of the address."""

Identifier = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", surely=_is_plain_identifier)
]
"""A name that templates and code can use."""

ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,127}[A-Za-z0-9_]$")]
"""As the service has it, but not ending in `-`, which means "remove" where specs are composed."""

Url = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s/?#@]+([/?#]\S*)?$", max_length=2048)
]
"""Without credentials in it."""


@record(kw_only=False)
class File:
    """Marks text that may name a file beside the spec. What does not start with `./` is no file."""

    holds: Literal["text", "data", "folder", "made"] = "text"
    """text: read when compiled. data: of any kind, used later. folder: of files. made: written by a
    command, so it may be missing."""


FilePath = Annotated[str, StringConstraints(pattern=r"^\.\.?/"), File()]
"""A file beside the spec: starts with `./` or `../`, and stays inside the project."""

FolderPath = Annotated[str, StringConstraints(pattern=r"^\.\.?/"), File("folder")]
"""A folder beside the spec, as `FilePath`."""


@record(kw_only=False)
class RefTo:
    """Marks text that refers to a spec of a kind."""

    kind: str
    """As it is written in addresses: `agent`, `memorystore`."""


def _ref(kind: str, prefix: str, *, pin: str = "", part: str = "", also: str = "") -> Any:
    """The pattern of a reference: `name`, `kind/name`, `name@7`, or `id:prefix_…`.

    `pin` is the pattern of a version. Empty: there are none.
    """
    name = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    pinned = f"(?:@{pin})?" if pin else ""
    own = f"(?:{kind}/)?{name}{part}{pinned}"
    return StringConstraints(
        pattern=f"^(?:{own}|id:{prefix}_[A-Za-z0-9]+{pinned}{also})$",
        surely=None if part else _is_plain_name,
    )


_PART = r"\.[A-Za-z0-9_-]*[A-Za-z0-9_]"
_ANTHROPIC = r"|anthropic/[a-z0-9-]+(?:@[A-Za-z0-9.]+)?"

AgentRef = Annotated[str, _ref("agent", "agent", pin="[1-9][0-9]{0,8}"), RefTo("agent")]
EnvironmentRef = Annotated[str, _ref("environment", "env"), RefTo("environment")]
VaultRef = Annotated[str, _ref("vault", "vlt"), RefTo("vault")]
CredentialRef = Annotated[str, _ref("vault", "vlt", part=_PART), RefTo("vault")]
MemoryStoreRef = Annotated[str, _ref("memorystore", "memstore"), RefTo("memorystore")]
SkillRef = Annotated[
    str, _ref("skill", "skill", pin="[A-Za-z0-9.]+", also=_ANTHROPIC), RefTo("skill")
]
ToolsetRef = Annotated[Name, RefTo("toolset")]


@record(kw_only=False)
class Secret:
    """Marks a field that takes `${secret.x}`.

    A secret that stands anywhere else would be stored in plain text.
    """

    required: bool = True
    """False: the text may also be one that is no secret."""


Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=512)],
    ],
    Field(max_length=12),
]
"""At most 12 pairs: the service takes 16 and agentflow needs four for ownership."""

ApiVersion = Literal["agentflow/v1"]

SECRET_MARK = regex("\ufdd0secret\\.([A-Za-z0-9_-]+)\ufdd1")
"""How `${secret.x}` stands in a field until apply reads the secret: between two code points that no
text uses."""


def _no_literal(value: object) -> object:
    if isinstance(value, str) and not SECRET_MARK.search(value):
        raise ValueError(
            "A secret is written out here. Write ${secret.x}, and declare x below "
            "`secrets` of the project."
        )
    return value


SECRET_FORM = r"(^|[^$])\$\{secret\.[A-Za-z0-9_-]+\}"
"""The pattern, for editors, of text with a secret in it as it is written."""

SecretText = Annotated[
    str,
    BeforeValidator(_no_literal),
    WithJsonSchema(
        {"type": "string", "pattern": SECRET_FORM, "examples": ["${secret.warehouse_token}"]}
    ),
    Secret(),
]
"""`${secret.x}`, alone or inside of a longer text."""

MaybeSecret = Annotated[str, StringConstraints(min_length=1), Secret(required=False)]
