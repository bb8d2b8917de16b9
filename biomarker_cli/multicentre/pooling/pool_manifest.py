"""The manifest of a pool: its parts, what they differ in, and what went into every case."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.multicentre.pooling.parts import PoolPart
from biomarker_cli.multicentre.pooling.rules import ANSWERS, PoolRules
from biomarker_cli.multicentre.pooling.unlike import PartDifference
from biomarker_cli.tables.certificates import certificate_in_force
from biomarker_cli.tables.installation import platform_of, versions
from biomarker_cli.tables.manifest import MANIFEST
from biomarker_cli.tables.writing import write_json

_NO_POLICY = {"file": "", "sha256": ""}
_OF_A_PART = ("study", "key_fingerprint", "software", "platform", "certificate", "usable_policy")


def write_pool_manifest(
    parts: Sequence[PoolPart],
    differences: Sequence[PartDifference],
    twins: Collection[str],
    rules: PoolRules,
    name: str,
    folder: Path,
) -> Path:
    """Write ``manifest.json`` of a pool, without a date: the same parts give the same bytes.

    Parameters
    ----------
    parts : sequence of PoolPart
    differences : sequence of PartDifference
    twins : collection of str
        Cases that were left out.
    rules : PoolRules
    name : str
    folder : Path
        Of the pool.
    """
    return write_json(
        {
            "format": "biomarker-manifest/1",
            "study": name,
            "key_fingerprint": _common(parts, "key_fingerprint", ""),
            "software": versions(),
            "platform": platform_of(),
            # Of the installation that pooled; those that measured stand with their parts.
            "certificate": certificate_in_force(),
            "protocols": _union(parts, "protocols"),
            "waivers": _union(parts, "waivers"),
            "usable_policy": _common(parts, "usable_policy", _NO_POLICY),
            "pool": {
                "usable": rules.usable,
                "answers": {kind: rules.answer(kind) for kind in ANSWERS},
                "parts": sorted(_parts(parts), key=lambda part: str(part["datapackage_sha256"])),
                "differences": [one.as_json(parts, rules.answer(one.kind)) for one in differences],
            },
            "cases": dict(
                sorted(
                    (case_id, told)
                    for part in parts
                    for case_id, told in part.manifest["cases"].items()
                    if case_id not in twins
                )
            ),
        },
        folder / MANIFEST,
    )


def _parts(parts: Sequence[PoolPart]) -> Iterator[dict[str, Any]]:
    """Yield the runs of a pool; those of an earlier pool in its place."""
    for part in parts:
        pooled = part.manifest.get("pool")
        if isinstance(pooled, dict) and isinstance(pooled.get("parts"), list):
            yield from (one for one in pooled["parts"] if isinstance(one, dict))
            continue
        yield {
            "datapackage_sha256": part.sha256,
            **{key: part.manifest.get(key) for key in _OF_A_PART},
            "sites": sorted({case.subject[0] for case in part.cases.values()}),
            "n_cases": len(part.cases),
        }


def _common(parts: Sequence[PoolPart], key: str, otherwise: Any) -> Any:
    """Return what all parts say; something else where they do not agree."""
    found = [part.manifest.get(key) for part in parts]
    return found[0] if all(one == found[0] for one in found) else otherwise


def _union(parts: Sequence[PoolPart], key: str) -> list[Any]:
    found = {json.dumps(one, sort_keys=True): one for p in parts for one in p.manifest.get(key, [])}
    return [found[text] for text in sorted(found)]
