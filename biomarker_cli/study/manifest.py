"""The manifest of a run: versions, protocols and digests of what went in."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from biomarker_cli.model.packages import MOVING_NUMBERS, version_of
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.model.version import __version__
from biomarker_cli.study.packed import PackedResult
from biomarker_cli.study.planned import PlannedCase
from biomarker_cli.tables.writing import write_json


def write_manifest(
    study_id: str,
    cases: Sequence[PlannedCase],
    results: Sequence[PackedResult],
    folder: Path,
    key_fingerprint: str = "",
    policy: UsablePolicy = DEFAULT_POLICY,
) -> Path:
    """Write ``manifest.json`` and return its path."""
    manifest = {
        "format": "biomarker-manifest/1",
        "study": study_id,
        "key_fingerprint": key_fingerprint,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "software": {"biomarker": __version__, **_versions()},
        "platform": {
            "python": platform.python_version(),
            "system": platform.system(),
            "machine": platform.machine(),
        },
        "protocols": _protocols(cases),
        "waivers": _waivers(cases),
        "usable_policy": {"file": policy.file, "sha256": policy.sha256},
        "cases": {
            head.case_id: {
                "result_key": head.key,
                "input_sha256": head.input_sha256,
                "image_sha256": head.image_sha256,
                "mask_sha256": head.mask_sha256,
                "pixels_sha256": head.pixels,
                "input_files": head.n_files,
            }
            for head in (result.head for result in results)
        },
    }
    return write_json(manifest, folder / "manifest.json")


def _versions() -> dict[str, str]:
    found = ((package, version_of(package)) for package in MOVING_NUMBERS)
    return {package: version for package, version in found if version is not None}


def _waivers(cases: Sequence[PlannedCase]) -> list[dict[str, Any]]:
    """Return the accepted deviations that can speak of a case."""
    found = {
        tuple(entry.items()): entry
        for case in cases
        if case.plan.waivers is not None
        for entry in case.plan.waivers.canonical()
    }
    return [found[key] for key in sorted(found, key=str)]


def _protocols(cases: Sequence[PlannedCase]) -> list[dict[str, Any]]:
    documents = {}
    for case in cases:
        acquisition = case.plan.acquisition
        used = [a.document for a in case.plan.analyses]
        for document in [*used, *([acquisition.document] if acquisition else [])]:
            documents[document.header.format, document.ident] = document
    return [
        {
            "format": kind,
            "id": document.header.id,
            "version": document.header.version,
            "status": document.header.status,
            "sha256": document.sha256,
        }
        for (kind, _), document in sorted(documents.items())
    ]
