"""The tables of a bundle as a folder that pools read: written where every byte was checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from biomarker_cli.exchange.bundles.archives import PlainArchive
from biomarker_cli.exchange.bundles.bundle_checking import BundleContent, check_bundle
from biomarker_cli.exchange.bundles.bundling import BUNDLE_FILE
from biomarker_cli.exchange.errors import BundleError
from biomarker_cli.tables.manifest import MANIFEST
from biomarker_cli.tables.package import DATA_PACKAGE


def unpack_tables(path: Path, folder: Path) -> BundleContent:
    """Write tables, data package and manifest of a bundle; nothing else of it is written.

    Parameters
    ----------
    path : Path
        Of the bundle.
    folder : Path
        New, and of nobody else.

    Raises
    ------
    BundleError
        As `check_bundle`, and ``BUNDLE-CHANGED`` where the file changed meanwhile.
    """
    found = check_bundle(path)
    with PlainArchive(path) as archive:
        listed = archive.read(BUNDLE_FILE)
        # The list that was checked, and by it every byte below.
        _require(path, listed, found.sha256)
        digests = {one["path"]: one["sha256"] for one in json.loads(listed)["files"]}
        for name, sha256 in digests.items():
            # Tables of a run lie side by side; what has a folder of its own is none.
            if "/" not in name and (name.endswith(".csv") or name in (DATA_PACKAGE, MANIFEST)):
                content = archive.read(name)
                _require(path, content, sha256)
                (folder / name).write_bytes(content)
    return found


def _require(path: Path, content: bytes, sha256: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(
            "BUNDLE-CHANGED",
            "the bundle changed while it was read",
            where=str(path),
            hint="Wait until it has arrived, and try again.",
        )
