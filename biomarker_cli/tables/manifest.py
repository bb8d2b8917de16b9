"""Read the manifest of a run: what its tables were made with and from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from biomarker_cli.tables.errors import TableError

MANIFEST = "manifest.json"

DERIVATIONS_FOLDER = "derivations"
"""Below a run: how quantities were derived, a file for each case and analysis."""


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
