"""Whether a bundle is what it says, and what it holds: nothing of it is unpacked."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.exchange.bundles.archives import PlainArchive
from biomarker_cli.exchange.bundles.bundling import (
    BUNDLE_FILE,
    COPY,
    FORMAT,
    PROTOCOLS_FOLDER,
    UNCOMPRESSED,
)
from biomarker_cli.exchange.bundles.carried_dicom import DICOM_FOLDER, copies_in, require_copy
from biomarker_cli.exchange.bundles.carried_masks import readable_part, require_masks
from biomarker_cli.exchange.deidentifying.copies import MANIFEST as COPIES_MANIFEST
from biomarker_cli.exchange.errors import BundleError, ExchangeError
from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.tables.kept import KEPT_FOLDER
from biomarker_cli.tables.manifest import MANIFEST
from biomarker_cli.tables.outgoing_text import KEEP, STUDY
from biomarker_cli.tables.package import DATA_PACKAGE

_COPIES = DICOM_FOLDER + COPIES_MANIFEST
_KEPT = f"{KEPT_FOLDER}/"


@dataclass(frozen=True)
class BundleContent:
    """What a bundle holds.

    Attributes
    ----------
    study, identity, program : str
        As the bundle says them; the program is the version that made it.
    sha256 : str
        Of the list of its files: two bundles with one have the same content.
    n_files, n_bytes : int
    tables : dict
        Name -> rows.
    protocols : list of str
        ``kind/id@version``.
    n_dicom, n_masks : int
        De-identified copies, and kept masks with their indices.
    others : list of str
        Further files.
    """

    study: str
    identity: str
    program: str
    sha256: str
    n_files: int
    n_bytes: int
    tables: dict[str, int]
    protocols: list[str]
    n_dicom: int
    n_masks: int
    others: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def check_bundle(path: Path) -> BundleContent:
    """Return what a bundle holds, where every byte of it is what it says.

    Raises
    ------
    BundleError
        ``BUNDLE-UNREADABLE``, ``BUNDLE-UNSAFE``, ``BUNDLE-FORMAT``, ``BUNDLE-CHANGED``.
    """
    with PlainArchive(path) as archive:
        if BUNDLE_FILE not in archive.names:
            raise _format(path, f"it has no {BUNDLE_FILE}")
        listed = archive.read(BUNDLE_FILE)
        said = _description(path, listed)
        digests = _digests(path, said)
        sizes = {one["path"]: one["bytes"] for one in said["files"] if "bytes" in one}
        _require_same_names(path, set(digests), set(archive.names) - {BUNDLE_FILE})
        n_bytes = 0
        tables: dict[str, int] = {}
        named: dict[str, bytes] = {}
        kept: dict[str, bytes] = {}
        for name, sha256 in sorted(digests.items()):
            content = archive.read(name)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise _changed(path, f"{name} is not what {BUNDLE_FILE} says")
            if sizes.get(name, len(content)) != len(content):
                raise _changed(path, f"{name} has another length than {BUNDLE_FILE} says")
            n_bytes += len(content)
            if name.endswith(".csv"):
                tables[name.removesuffix(".csv")] = _n_rows(path, name, content)
            if name in (DATA_PACKAGE, MANIFEST, _COPIES):
                named[name] = content
            elif name.startswith(DICOM_FOLDER):
                _require_copy(path, name, content)
            elif name.startswith(_KEPT):
                kept[name] = readable_part(name, content)
    _require_package(path, named.get(DATA_PACKAGE), digests)
    protocols = _require_protocols(path, named.get(MANIFEST), digests)
    copies = _require_copies(path, said["identity"], named.get(_COPIES), digests)
    masks = _masks(path, kept, digests)
    others = [name for name in digests if not name.startswith((PROTOCOLS_FOLDER, *UNCOMPRESSED))]
    return BundleContent(
        study=str(said.get("study", "")),
        identity=said["identity"],
        program=str(said.get("program", "")),
        sha256=hashlib.sha256(listed).hexdigest(),
        n_files=len(digests),
        n_bytes=n_bytes,
        tables=tables,
        protocols=protocols,
        n_dicom=copies,
        n_masks=masks,
        others=sorted(name for name in others if not name.endswith(".csv")),
    )


def _require_copy(path: Path, name: str, content: bytes) -> None:
    try:
        require_copy(content, name)
    except (HeaderError, ExchangeError) as error:
        raise _format(path, f"{name}: {error.message}") from error


def _require_copies(
    path: Path, identity: str, content: bytes | None, digests: Mapping[str, str]
) -> int:
    """Refuse DICOM that is not what its own manifest lists; return how many objects."""
    present = {name: one for name, one in digests.items() if name.startswith(DICOM_FOLDER)}
    if content is None:
        if present or identity == COPY:
            raise _changed(path, f"it has no {_COPIES}")
        return 0
    listed = copies_in(content)
    if listed is None or identity == KEEP:
        raise _format(path, f"{_COPIES} cannot be used")
    del present[_COPIES]
    if {DICOM_FOLDER + name: sha256 for name, sha256 in listed.items()} != present:
        raise _changed(path, f"the DICOM is not that of {_COPIES}")
    return len(present)


def _masks(path: Path, kept: Mapping[str, bytes], digests: Mapping[str, str]) -> int:
    try:
        return require_masks(kept, digests)
    except KeptFileError as error:
        raise _changed(path, error.message) from error


def _description(path: Path, content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _format(path, f"{BUNDLE_FILE} is no JSON") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise _format(path, f"{BUNDLE_FILE} does not say {FORMAT}")
    if said.get("identity") not in (STUDY, KEEP, COPY):
        raise _format(path, "it does not say whose identity it has")
    return said


def _digests(path: Path, said: Mapping[str, Any]) -> dict[str, str]:
    try:
        listed = [(one["path"], one["sha256"]) for one in said["files"]]
    except (KeyError, TypeError) as error:
        raise _format(path, "its list of files is damaged") from error
    if not all(isinstance(word, str) for pair in listed for word in pair):
        raise _format(path, "its list of files is damaged")
    found = dict(listed)
    if len(found) != len(listed):
        raise _format(path, "its list names a file twice")
    return found


def _require_same_names(path: Path, listed: set[str], present: set[str]) -> None:
    if listed != present:
        absent, unknown = len(listed - present), len(present - listed)
        raise _changed(path, f"{absent} files are absent and {unknown} were put in")


def _n_rows(path: Path, name: str, content: bytes) -> int:
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
        return max(sum(1 for _ in rows) - 1, 0)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _format(path, f"{name} is no table") from error


def _require_package(path: Path, content: bytes | None, digests: Mapping[str, str]) -> None:
    """Refuse tables that are not those that the data package describes."""
    try:
        resources = json.loads(content or b"")["resources"]
        said = {str(one["path"]): str(one["hash"]).removeprefix("sha256:") for one in resources}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _format(path, f"{DATA_PACKAGE} cannot be used") from error
    tables = {name: sha256 for name, sha256 in digests.items() if name.endswith(".csv")}
    if said != tables:
        raise _changed(path, f"the tables are not those of {DATA_PACKAGE}")


def _require_protocols(path: Path, content: bytes | None, digests: Mapping[str, str]) -> list[str]:
    """Refuse protocols that are not those of the manifest; return their names."""
    try:
        protocols = json.loads(content or b"")["protocols"]
        wanted = sorted(str(one["sha256"]) for one in protocols)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _format(path, f"{MANIFEST} cannot be used") from error
    names = {name: sha256 for name, sha256 in digests.items() if name.startswith(PROTOCOLS_FOLDER)}
    if sorted(names.values()) != wanted:
        raise _changed(path, f"the protocols are not those of {MANIFEST}")
    return sorted(
        "@".join(name.removeprefix(PROTOCOLS_FOLDER).removesuffix(".json").rsplit("/", 1))
        for name in names
    )


def _format(path: Path, why: str) -> BundleError:
    return BundleError(
        "BUNDLE-FORMAT",
        f"the archive is no bundle of a run: {why}",
        where=str(path),
        hint="`biomarker bundle DIR -o FILE` makes one.",
    )


def _changed(path: Path, why: str) -> BundleError:
    return BundleError(
        "BUNDLE-CHANGED",
        f"the bundle is not what it was: {why}",
        where=str(path),
        hint="It was edited or mixed after it was made: ask its sender for it again.",
    )
