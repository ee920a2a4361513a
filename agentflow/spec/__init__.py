"""What a user may write: models, one module per kind, declared with the words of `declare`.

These modules do without `from __future__ import annotations`: who reads a model needs its types, and to
evaluate each from its text again takes longer.
"""
