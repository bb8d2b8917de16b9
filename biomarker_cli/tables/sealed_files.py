"""JSON files that carry the digest of their own content, so that an edit shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest(content: dict[str, Any]) -> str:
    """Return the sha256 of content for JSON, less its own ``sha256``."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """Return content with its digest under ``sha256``."""
    return content | {"sha256": digest(content)}


def read_sealed(path: Path, file_format: str) -> dict[str, Any] | None:
    """Return the content of a file; None where it is of another format, or was edited."""
    try:
        content = json.loads(path.read_bytes())
        if content["format"] == file_format and content["sha256"] == digest(content):
            return dict(content)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None
    return None


def row_digest(values: Iterable[float]) -> str:
    """Return a digest of the values of one sample, which names nobody."""
    line = ",".join(repr(float(value)) for value in values)
    return hashlib.sha256(line.encode()).hexdigest()[:16]
