"""SHA-256 of short data, by Python's own code: `hashlib` loads OpenSSL first, as long as ten modules of ours.

For the bytes of long files OpenSSL is faster.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader

try:
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore] # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
    except ImportError:  # pragma: no cover - a Python without its own
        from hashlib import sha256

__all__ = ["sha256_of", "sha256_of_file"]

_SHORT = 1 << 18
"""Bytes that are digested as fast as OpenSSL is loaded."""


def sha256_of(data: bytes) -> str:
    """The digest as 64 hexadecimal digits."""
    return str(sha256(data).hexdigest())


def sha256_of_file(file: BufferedReader) -> str:
    """The same, of what there is to read in a file.

    Raises:
        OSError: it cannot be read.
    """
    data = file.read(_SHORT)
    if len(data) < _SHORT:
        return sha256_of(data)
    import hashlib

    begun = hashlib.sha256(data)
    return hashlib.file_digest(file, lambda: begun).hexdigest()
