"""SHA-256 of short data, by Python's own code: `hashlib` loads OpenSSL first, as long as ten modules of ours.

For the bytes of files, which may be many, OpenSSL is faster.
"""

try:
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore] # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
    except ImportError:  # pragma: no cover - a Python without its own
        from hashlib import sha256

__all__ = ["sha256_of"]


def sha256_of(data: bytes) -> str:
    """The digest as 64 hexadecimal digits."""
    return str(sha256(data).hexdigest())
