"""JSON as a document with places. It is read as YAML, of which it is a part but for one thing.

JSON writes a character beyond U+FFFF as two escapes, which YAML takes for two characters that do not
exist. https://www.rfc-editor.org/rfc/rfc8259#section-7
"""

from __future__ import annotations

import re
from decimal import Decimal

from agentflow.diagnostics import Checked
from agentflow.patterns import regex
from agentflow.source.tree import Document
from agentflow.source.yaml import parse

__all__ = ["parse_json"]

_ESCAPE = regex(
    r"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def parse_json(file: str, text: str) -> Checked[tuple[Document, ...]]:
    """As `source.yaml.parse`, with pairs of escapes as JSON has them."""
    plain = _ESCAPE.sub(_stand_in, text)
    documents, problems = parse(file, plain)
    if plain == text or problems or len(documents) != 1:
        return Checked(documents, problems)
    import json  # here, for most projects have none

    try:
        data = json.loads(text.removeprefix("\ufeff"), parse_float=Decimal, parse_constant=str)
    except ValueError:  # YAML that is no JSON
        return parse(file, text)
    return Checked((documents[0].with_data(data),), ())


def _stand_in(escape: re.Match[str]) -> str:
    """A text that YAML takes: as long as the pair, so that places stay, and another for each pair."""
    pair = escape["pair"]
    if pair is None:
        return escape[0]
    high, low = int(pair[1:5], 16) & 0x3FF, int(pair[7:], 16) & 0x3FF
    return f"\\u{0xE000 + high:04x}\\u{0xE400 + low:04x}"
