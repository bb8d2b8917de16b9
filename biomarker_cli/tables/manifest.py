"""Read the manifest of a run: what its tables were made with and from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.tables.errors import TableError

MANIFEST = "manifest.json"

DERIVATIONS_FOLDER = "derivations"
"""Below a run: how quantities were derived, a file for each case and analysis."""

_LONGEST_NAME = 255
_DIGEST_DIGITS = 16


def derivation_name(case_id: str, analysis: str) -> str:
    """Return the name of the file of a derivation.

    An analysis (``id@version``) whose name no file system would take ends in a digest of
    the whole.
    """
    stem, suffix = f"{file_stem(case_id)}__", ".json"
    room = _LONGEST_NAME - len(stem) - len(suffix)
    if len(analysis) > room:
        digest = hashlib.sha256(analysis.encode()).hexdigest()[:_DIGEST_DIGITS]
        analysis = f"{analysis[: room - len(digest) - 1]}-{digest}"
    return f"{stem}{analysis}{suffix}"


def case_and_analysis(name: str) -> tuple[str, str]:
    """Return the stem of the files of a case, and the analysis, from the name of a derivation."""
    # Ids of cases may have underscores, those of analyses have none.
    stem, _, analysis = name.removesuffix(".json").rpartition("__")
    return stem, analysis


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run folder; empty where there is none.

    Raises
    ------
    TableError
        ``TABLE-MANIFEST``.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is no JSON") from error
    if not isinstance(found, dict) or not str(found.get("format")).startswith("biomarker-manifest"):
        raise _damaged(path, "it does not say to be a manifest")
    kinds = {"software": dict, "platform": dict, "protocols": list, "cases": dict}
    for key, kind in kinds.items():
        if not isinstance(found.setdefault(key, kind()), kind):
            raise _damaged(path, f"{key} is of another form")
    if not all(isinstance(case, dict) for case in found["cases"].values()):
        raise _damaged(path, "a case is of another form")
    if not all(isinstance(protocol, dict) for protocol in found["protocols"]):
        raise _damaged(path, "a protocol is of another form")
    return found


def _damaged(path: Path, what: str) -> TableError:
    return TableError(
        "TABLE-MANIFEST",
        f"the manifest cannot be used: {what}",
        where=str(path),
        hint="It was edited or cut: run the same `biomarker run` again, which writes it anew.",
    )
