"""What fixes do, by code: one table, for the catalogue. Each line is held by a case in the tests."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["MENDS", "Mend", "Safety"]

Safety = Literal["safe", "unsafe", "depends"]
"""safe: `--fix` makes it, because the meaning stays or there is no doubt what was meant. unsafe: only
`--fix --unsafe` makes it. depends: on what is found."""


class Mend(NamedTuple):
    safety: Safety
    does: str
    """A sentence."""


_NAME = Mend("unsafe", "Writes the name that is most like it.")

MENDS: dict[str, Mend] = {
    "AF091": Mend("safe", "Removes the code, and the comment with the last one."),
    "AF092": Mend(
        "depends",
        "Writes the code for its name, which is safe, or the code that is most like it, which is not.",
    ),
    "AF101": Mend("safe", "Adds the line."),
    "AF102": Mend("unsafe", "Writes the version of this agentflow."),
    "AF103": Mend("unsafe", "Writes `kind` for a key that is like it."),
    "AF104": _NAME,
    "AF110": Mend("unsafe", "Writes the key that is most like it."),
    "AF112": Mend("safe", "Quotes text, and takes quotes from numbers and from true and false."),
    "AF113": Mend("unsafe", "Writes the word that is most like it, or that other tools call so."),
    "AF151": Mend("depends", "Writes the bare host; not safe if a port or a path is left out."),
    "AF152": Mend("depends", "Writes the bare host; not safe if a port or a path is left out."),
    "AF158": _NAME,
    "AF201": _NAME,
    "AF203": _NAME,
    "AF209": _NAME,
    "AF210": _NAME,
    "AF226": _NAME,
    "AF229": _NAME,
    "AF251": _NAME,
    "AF254": _NAME,
    "AF255": _NAME,
    "AF256": Mend("unsafe", "Removes the rule that is never reached."),
    "AF257": _NAME,
    "AF258": _NAME,
    "AF276": _NAME,
    "AF278": _NAME,
    "AF280": _NAME,
    "AF283": _NAME,
    "AF286": _NAME,
    "AF302": _NAME,
    "AF307": _NAME,
    "AF312": _NAME,
    "AF508": Mend("unsafe", "Removes the input."),
    "AF510": Mend("unsafe", "Removes the variable."),
    "AF520": Mend("unsafe", "Writes `${var.x}` for `{{ vars.x }}`."),
    "AF610": _NAME,
    "AF618": Mend("unsafe", "Writes `idempotent: false`."),
    "AF621": Mend("unsafe", "Writes `access: read_only`."),
    "AF626": _NAME,
    "AF703": Mend("unsafe", "Adds the domain itself, which opens it."),
    "AF709": Mend("safe", "Removes the entry."),
    "AF710": Mend("unsafe", "Removes `packages: true`."),
    "AF711": Mend("unsafe", "Removes `mcp: inferred`."),
    "AF803": _NAME,
    "AF804": Mend("unsafe", "Writes the model that takes its place."),
    "AF805": Mend("unsafe", "Writes the model that takes its place."),
    "AF903": Mend("unsafe", "Removes the secret from the project."),
    "AF907": Mend("depends", "Deletes them; safe where they have no width and no effect."),
    "AF912": Mend("unsafe", "Writes https."),
    "AF1007": _NAME,
    "AF1009": Mend("unsafe", "Removes the version."),
    "AF1015": Mend("unsafe", "Writes `on_timeout: stop`."),
}
