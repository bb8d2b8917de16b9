"""The certificate of an installation: where it is kept, and whether it still holds.

``biomarker verify --certificate FILE`` writes one and keeps a copy in the user's data
folder (``BIOMARKER_DATA_DIR`` names another); the manifest of later runs names it as long
as the installation is the one that was qualified.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from biomarker_cli.model.environment import named_folder
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.tables.installation import this_installation
from biomarker_cli.tables.sealed_files import read_sealed

FORMAT = "biomarker-certificate/1"
KEPT = "certificate.json"

PASSED = "within"
FAILED = "out_of_tolerance"
"""Verdicts."""


def data_folder() -> Path:
    """Return the user's data folder, or the one that ``BIOMARKER_DATA_DIR`` names.

    Raises
    ------
    ConfigurationError
        ``ENVIRONMENT-FOLDER``.
    """
    named = named_folder("BIOMARKER_DATA_DIR")
    if named is not None:
        return named
    import platformdirs

    return Path(platformdirs.user_data_dir("biomarker"))


def keep_certificate(certificate: dict[str, Any]) -> Path:
    """Keep a certificate as that of this installation, and return where."""
    path = data_folder() / KEPT
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, as_text(certificate).encode())
    return path


def withdraw_certificate() -> bool:
    """Forget the certificate that is kept, and return whether there was one."""
    path = data_folder() / KEPT
    was_there = path.is_file()
    path.unlink(missing_ok=True)
    return was_there


def as_text(certificate: dict[str, Any]) -> str:
    """Return a certificate as its file holds it."""
    return json.dumps(certificate, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def kept_certificate() -> dict[str, Any] | None:
    """Return the certificate that is kept, None where there is none or it was altered."""
    path = data_folder() / KEPT
    try:
        return read_sealed(path, FORMAT) if path.is_file() else None
    except OSError:
        # A folder that may not be read keeps nothing: a run goes on without.
        return None


def certificate_in_force() -> str:
    """Return the id of the certificate that holds for this installation; empty for none.

    What has changed since it was qualified has no certificate.
    """
    kept = kept_certificate()
    if kept is None or kept.get("verdict") != PASSED or changes_since(kept):
        return ""
    return str(kept.get("id", ""))


def changes_since(certificate: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what is not as it was certified: what, as certified, as it is now."""
    then, now = certificate.get("installation"), this_installation()
    if not isinstance(then, dict):
        return [("installation", "-", "not told by the certificate")]
    found = []
    for part in sorted({*then, *now}):
        one, other = then.get(part), now.get(part)
        if isinstance(one, dict) and isinstance(other, dict):
            found += [
                (f"{part} {key}", str(one.get(key, "-")), str(other.get(key, "-")))
                for key in sorted({*one, *other})
                if one.get(key) != other.get(key)
            ]
        elif one != other:
            found.append((part, str(one or "-"), str(other or "-")))
    return found
