"""The manifest of a run: versions, protocols and digests of what went in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.tables.certificates import certificate_in_force
from biomarker_cli.tables.installation import platform_of, versions
from biomarker_cli.tables.manifest import MANIFEST

if TYPE_CHECKING:
    from biomarker_cli.study.packed import ResultHead
    from biomarker_cli.study.sources import RoleProtocols


def manifest_head(
    study_id: str,
    protocols: Iterable[RoleProtocols],
    waivers: Sequence[Mapping[str, Any]],
    key_fingerprint: str = "",
    policy: UsablePolicy = DEFAULT_POLICY,
) -> dict[str, Any]:
    """Return what a manifest says of the run as a whole.

    Parameters
    ----------
    study_id : str
    protocols : iterable of RoleProtocols
        Of the roles that have a case.
    waivers : sequence of mapping
        The accepted deviations that can speak of a case.
    key_fingerprint : str
        What names the key of the study.
    policy : UsablePolicy
        What flags weigh when rows are pooled.
    """
    return {
        "format": "biomarker-manifest/1",
        "study": study_id,
        "key_fingerprint": key_fingerprint,
        "software": versions(),
        "platform": platform_of(),
        # The id of the certificate of this installation; empty where it has none.
        "certificate": certificate_in_force(),
        "protocols": _protocols(protocols),
        "waivers": sorted(waivers, key=str),
        "usable_policy": {"file": policy.file, "sha256": policy.sha256},
    }


def write_manifest(head: Mapping[str, Any], cases: Iterable[ResultHead], folder: Path) -> Path:
    """Write ``manifest.json`` and return its path; one case at a time is in memory."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    said = {**head, "created": created, "cases": {}}
    before, _, after = json.dumps(said, indent=2).rpartition('"cases": {}')
    path = folder / MANIFEST
    with whole_file(path) as stream:
        stream.write(f'{before}"cases": {{'.encode())
        separator = "\n"
        for case in cases:
            stream.write(f"{separator}{_entry(case)}".encode())
            separator = ",\n"
        stream.write(f"{'' if separator == chr(10) else chr(10) + '  '}}}{after}\n".encode())
    return path


def _entry(head: ResultHead) -> str:
    """Return the lines of a case; the encoder that indents is a slow one."""
    said = (f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in _case(head).items())
    lines = ",\n".join(said)
    return f"    {json.dumps(head.case_id)}: {{\n{lines}\n    }}"


def _case(head: ResultHead) -> dict[str, Any]:
    return {
        "result_key": head.key,
        "input_sha256": head.input_sha256,
        "image_sha256": head.image_sha256,
        "mask_sha256": head.mask_sha256,
        "pixels_sha256": head.pixels,
        "input_files": head.n_files,
    }


def _protocols(protocols: Iterable[RoleProtocols]) -> list[dict[str, Any]]:
    documents = {}
    for used in protocols:
        for document in used.documents:
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
