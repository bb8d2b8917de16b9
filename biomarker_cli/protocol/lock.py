"""The lock: which content of a protocol a study relies on.

``protocols.lock`` holds the sha256 of the merged canonical form by
``kind/id@version``. With it, a parent or a draft that changed under the same
version is seen before a number is made with it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from biomarker_cli.model.outputs import replace_file
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.yaml_source import read_text

LOCK_NAME = "protocols.lock"

_KEY = re.compile(r"[a-z]+/[a-z0-9.\-]+@\d+\.\d+\.\d+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def lock_key(kind: ProtocolKind, document: ProtocolDocument) -> str:
    """Return the name of a document in a lock."""
    return f"{kind.value}/{document.ident}"


def read_lock(path: Path) -> dict[str, str]:
    """Return the digests of a lock file.

    Raises
    ------
    ProtocolError
        ``LOCK-NOT-FOUND``, ``LOCK-INVALID``; those of `read_text`.
    """
    if not path.is_file():
        raise ProtocolError(
            "LOCK-NOT-FOUND",
            f"there is no lock file {path}",
            hint="Write it, beside the study, with: biomarker protocol show ID@VERSION --lock",
        )
    try:
        data = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("LOCK-INVALID", "the lock is no JSON", where=path.name) from error
    # What it names goes into messages: another file must not be quoted.
    if not isinstance(data, dict) or not all(
        _KEY.fullmatch(key) and isinstance(value, str) and _DIGEST.fullmatch(value)
        for key, value in data.items()
    ):
        raise ProtocolError("LOCK-INVALID", "expected names with sha256 digests", where=path.name)
    return data


def write_lock(path: Path, kind: ProtocolKind, document: ProtocolDocument) -> None:
    """Add a document to a lock file, or replace its digest."""
    digests = read_lock(path) if path.is_file() else {}
    digests[lock_key(kind, document)] = document.sha256
    text = json.dumps(dict(sorted(digests.items())), indent=2) + "\n"
    replace_file(path, text.encode())


def require_locked(path: Path, kind: ProtocolKind, document: ProtocolDocument) -> None:
    """Refuse a document whose content is not the locked one.

    Raises
    ------
    ProtocolError
        ``LOCK-ABSENT`` where the lock does not name it, ``LOCK-MISMATCH`` where
        the content differs; those of `read_lock`.
    """
    digests = read_lock(path)
    key = lock_key(kind, document)
    if key not in digests:
        raise ProtocolError(
            "LOCK-ABSENT",
            f"the lock does not name {key}",
            where=path.name,
            hint=f"Locked are: {', '.join(digests) or 'none'}. Add it with: "
            f"biomarker protocol show {document.ident} --lock",
        )
    if digests[key] != document.sha256:
        raise ProtocolError(
            "LOCK-MISMATCH",
            f"{key} is not what was locked: expected sha256 {digests[key][:12]}..., "
            f"found {document.sha256[:12]}...",
            where=path.name,
            hint="Restore the locked file, or lock the new content after reading "
            "`biomarker protocol diff`.",
        )
