"""References as they are written: `name`, `kind/name`, `name@7`, `desk.warehouse`, `id:agent_01…`."""

from agentflow.patterns import regex
from agentflow.records import NamedTuple

__all__ = ["Ref", "parse_ref"]

_REF = regex(
    r"(?:(?:id:(?P<id>[a-z]+_\w+?))|(?:anthropic/(?P<anthropic>[a-z0-9-]+))"
    r"|(?:(?P<kind>[a-z]+)/)?(?P<name>[a-z0-9-]+)(?:\.(?P<part>[\w-]+))?)(?:@(?P<pin>[\w.]+))?"
)


class Ref(NamedTuple):
    """A reference, taken apart. Exactly one of `name`, `id` and `anthropic` is set."""

    kind: str
    """As in addresses."""
    name: str | None = None
    """Of a spec of the project."""
    part: str | None = None
    """Of a vault: the credential."""
    id: str | None = None
    """Of something that is not managed here, as the service calls it."""
    anthropic: str | None = None
    """A skill the service brings along."""
    pin: str | None = None
    """A version. None: the newest, or the one that is applied."""

    @property
    def address(self) -> str | None:
        """Of the spec it names; None: it names none of the project."""
        return None if self.name is None else f"{self.kind}/{self.name}"


def parse_ref(text: str, kind: str) -> Ref | None:
    """Take a reference to a `kind` apart. None: it is malformed, or of another kind."""
    if text.islower() and text.isascii() and text.replace("-", "").isalnum():
        return Ref(kind, text)  # a name, as most are
    match = _REF.fullmatch(text)
    if match is None or match["kind"] not in (None, kind):
        return None
    return Ref(kind, match["name"], match["part"], match["id"], match["anthropic"], match["pin"])
