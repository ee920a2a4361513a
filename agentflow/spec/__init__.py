"""What a user may write: pydantic models, one module per kind.

These modules do without `from __future__ import annotations`: pydantic would evaluate every annotation
from its text again, which is a tenth of the time that a lint of one file takes.
"""
