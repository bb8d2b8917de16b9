"""What DICOM PS3.15 Annex E says of each attribute: two tables, shipped with their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_CURVES, _OVERLAYS = 0x5000, 0x6000


@lru_cache(maxsize=2)
def table(name: str) -> Mapping[str, Any]:
    """Return a table: ``annex_e_2024b`` or ``safe_private_2026d``.

    Raises
    ------
    ValueError
        Where its rows are not those of its digest.
    """
    data: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    canonical = json.dumps(
        data["attributes"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    if hashlib.sha256(canonical.encode()).hexdigest() != data["sha256"]:
        raise ValueError(f"{name}.json is not what was shipped")
    return data


@lru_cache(maxsize=1)
def _by_tag() -> dict[str, Mapping[str, str]]:
    return {row["tag"]: row for row in table("annex_e_2024b")["attributes"]}


def row_of(tag: int) -> Mapping[str, str] | None:
    """Return what Table E.1-1 says of a standard attribute, None where it does not name it."""
    group = tag >> 16
    if group & 0xFF00 == _CURVES:
        return _by_tag()["50XXXXXX"]
    if group & 0xFF00 == _OVERLAYS and tag & 0xFFFF in {0x3000, 0x4000}:
        return _by_tag()[f"60XX{tag & 0xFFFF:04X}"]
    return _by_tag().get(f"{tag:08X}")


@lru_cache(maxsize=1)
def safe_private() -> Mapping[tuple[str, int, int], str]:
    """Return creator, group and element -> VR of Table E.3.10-1."""
    rows = table("safe_private_2026d")["attributes"]
    return {(r["creator"], int(r["group"], 16), int(r["element"], 16)): r["vr"] for r in rows}
