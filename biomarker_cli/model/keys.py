"""Key files: 64 hexadecimal digits that their owner alone may read."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

_KEY_BYTES = 32

KEY_FORM = f"{2 * _KEY_BYTES} hexadecimal digits"
"""What such a file holds, for messages."""


def new_key_text() -> bytes:
    """Return the content of a new key file."""
    return f"{secrets.token_hex(_KEY_BYTES)}\n".encode()


def key_in(path: Path) -> bytes | None:
    """Return the key that a file holds, None where it holds something else."""
    with path.open("rb") as stream:
        content = stream.read(4 * _KEY_BYTES)
    with contextlib.suppress(ValueError):
        key = bytes.fromhex(content.decode("ascii").strip())
        if len(key) == _KEY_BYTES:
            return key
    return None
