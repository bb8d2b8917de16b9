"""The version of this program; every table, key and object that leaves names it."""

from __future__ import annotations

from functools import lru_cache

__version__ = "0.1.0"


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a digest of the program: what other code has made is made again."""
    import hashlib
    from pathlib import Path

    here = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for source in sorted([*here.rglob("*.py"), *here.rglob("*.so"), *here.rglob("*.pyd")]):
        digest.update(f"{source.relative_to(here)}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
