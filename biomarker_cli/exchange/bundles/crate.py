"""RO-Crate metadata of a bundle: what other tools for research data read.

References
----------
RO-Crate Metadata Specification 1.1: 2 (Root), 4 (Metadata Descriptor), 5 (Data Entities).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CRATE = "ro-crate-metadata.json"

_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_PROFILE = "https://w3id.org/ro/crate/1.1"
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".dcm": "application/dicom",
}


def crate_of(manifest: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return the metadata of a bundle.

    Parameters
    ----------
    manifest : mapping
        Of the run.
    sizes : mapping
        Name in the archive -> bytes.
    """
    names = sorted(sizes)
    study = str(manifest.get("study", ""))
    software = [
        {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "version": version}
        for name, version in sorted(manifest.get("software", {}).items())
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Imaging biomarkers of the study {study}",
        "description": "Tables, manifest and protocols of a run of biomarker.",
        # Required; the day of the run, not that of any examination.
        "datePublished": str(manifest.get("created", ""))[:10],
        "hasPart": [{"@id": name} for name in names],
        "mentions": [{"@id": one["@id"]} for one in software],
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _PROFILE},
        "about": {"@id": "./"},
    }
    files = [_file(name, sizes[name]) for name in names]
    return {"@context": _CONTEXT, "@graph": [descriptor, root, *files, *software]}


def _file(name: str, n_bytes: int) -> dict[str, Any]:
    suffix = name[name.rfind(".") :]
    return {
        "@id": name,
        "@type": "File",
        "name": name.rpartition("/")[2],
        "contentSize": str(n_bytes),
        "encodingFormat": _MEDIA_TYPES.get(suffix, "application/octet-stream"),
    }
