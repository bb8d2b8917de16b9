"""One archive of a run for another centre: what it found, by which rules, and that it is whole."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from biomarker_cli.exchange.bundles.archives import (
    MOST_BYTES,
    MOST_MEMBERS,
    is_member_name,
    write_archive,
)
from biomarker_cli.exchange.bundles.carried_dicom import DICOM_FOLDER, CarriedDicom
from biomarker_cli.exchange.bundles.carried_masks import kept_masks, readable_part
from biomarker_cli.exchange.bundles.crate import CRATE, crate_of
from biomarker_cli.exchange.bundles.outgoing_tables import OutgoingTables
from biomarker_cli.exchange.deidentifying.copies import MANIFEST as COPIES_MANIFEST
from biomarker_cli.exchange.errors import ExchangeError, LeakError
from biomarker_cli.model.version import __version__
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.tables.kept import KEPT_FOLDER
from biomarker_cli.tables.manifest import (
    DERIVATIONS_FOLDER,
    MANIFEST,
    case_and_analysis,
    read_manifest,
)
from biomarker_cli.tables.outgoing_text import KEEP
from biomarker_cli.tables.package import DATA_PACKAGE

FORMAT = "biomarker-bundle/1"
BUNDLE_FILE = "bundle.json"
REPORT_FILE = "report.html"
PROTOCOLS_FOLDER = "protocols/"
UNCOMPRESSED = (DICOM_FOLDER, f"{KEPT_FOLDER}/")
"""Images and masks: packed already, or to be read in pieces where they arrive."""


COPY = "copy"
"""Identity of tables that were measured on copies: these say all that the tables do."""

DIGESTS_OF_FILES = frozenset({"input_sha256", "image_sha256", "mask_sha256"})
"""Of a case in the manifest: beside copies they would be those of the sources."""


@dataclass(frozen=True)
class BundleOrder:
    """What is asked of a bundle.

    Attributes
    ----------
    identity : str
        ``study`` maps UIDs, dates, scanners and files; ``keep`` leaves tables as they are,
        and ``copy`` does where they were measured on the copies that leave with them.
    uid : callable
        From a UID to the one that stands for it.
    report : bytes or None
        A report of the run, made under the same identity.
    certificate : Path or None
        Of the installation that measured.
    protocols : sequence of Path
        Files of protocols that are not shipped.
    masks : bool
        Whether the kept masks leave.
    dicom : CarriedDicom or None
        De-identified copies that leave.
    words : collection of str
        What names a source beyond what the tables say; found as whole words.
    """

    identity: str
    uid: Callable[[str], str]
    report: bytes | None = None
    certificate: Path | None = None
    protocols: Sequence[Path] = ()
    masks: bool = False
    dicom: CarriedDicom | None = None
    words: Collection[str] = ()

    @property
    def keeps(self) -> bool:
        """Whether tables leave as they are."""
        return self.identity in {KEEP, COPY}


def write_bundle(folder: Path, order: BundleOrder, stream: BinaryIO) -> None:
    """Write the archive of a run: the same bytes for the same run and order.

    Parameters
    ----------
    folder : Path
        Of a run; its tables must be what it wrote.
    order : BundleOrder
    stream : BinaryIO

    Raises
    ------
    TableError
        Where a table is not what the run wrote.
    KeptFileError
        Where a kept mask is not.
    ExchangeError
        ``BUNDLE-PROTOCOL``, ``BUNDLE-NO-MANIFEST``, ``BUNDLE-NO-MASKS``, ``BUNDLE-DICOM``,
        ``BUNDLE-OTHER-SOURCE``, ``BUNDLE-TOO-LARGE``.
    LeakError
        ``BUNDLE-LEAK`` where something that names a source stands in what would leave.
    """
    tables = OutgoingTables(folder, keeps=order.keeps, uid=order.uid)
    manifest = read_manifest(folder)
    if not manifest:
        raise ExchangeError(
            "BUNDLE-NO-MANIFEST",
            f"no {MANIFEST} in {folder}: nothing says what the tables were made with",
            hint="Run the same `biomarker run` again, which writes it.",
        )
    members = _members(folder, order, tables, manifest)
    if order.dicom is not None:
        order.dicom.require_source_of(tables.naming_cells())
        for name, content in members.items():
            if not name.startswith(PROTOCOLS_FOLDER):  # these speak of no patient
                order.dicom.require_no_other_uid(name, readable_part(name, content))
    text = {name: readable_part(name, content) for name, content in members.items()}
    if order.dicom is not None:
        text[DICOM_FOLDER + COPIES_MANIFEST] = order.dicom.manifest_text
        text[DICOM_FOLDER] = order.dicom.text
    require_no_leak(text, set() if order.keeps else tables.identifying(), order.words)
    leaving = _Leaving()
    for name, content in members.items():
        leaving.add(name, content)
    for one in order.dicom.members() if order.dicom else ():
        leaving.add_copy(*one)
    leaving.add(CRATE, _json(crate_of(manifest, leaving.sizes)))
    leaving.add(BUNDLE_FILE, _json(_description(manifest, order, leaving)))
    leaving.write(stream)


class _Leaving:
    """Members of a bundle: their sizes and digests, and where their bytes come from."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.digests: dict[str, str] = {}
        self._contents: dict[str, Callable[[], bytes]] = {}

    def add(self, name: str, content: bytes) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        self.add_copy(name, sha256, len(content), partial(bytes, content))

    def add_copy(self, name: str, sha256: str, size: int, content: Callable[[], bytes]) -> None:
        self.sizes[name], self.digests[name], self._contents[name] = size, sha256, content

    def write(self, stream: BinaryIO) -> None:
        if sum(self.sizes.values()) > MOST_BYTES or len(self.sizes) > MOST_MEMBERS:
            raise ExchangeError(
                "BUNDLE-TOO-LARGE",
                f"a bundle holds at most {MOST_BYTES} bytes in {MOST_MEMBERS} files",
                hint="Bundle the subjects in parts, or send the copies beside the bundle.",
            )
        stored = {name for name in self.sizes if name.startswith(UNCOMPRESSED)}
        write_archive(stream, self._contents, stored)


def _members(
    folder: Path, order: BundleOrder, tables: OutgoingTables, manifest: dict[str, Any]
) -> dict[str, bytes]:
    members = {f"{name}.csv": tables.content(table) for name, table in tables.tables.items()}
    members[DATA_PACKAGE] = _package(folder, members)
    if order.dicom is not None and order.identity != COPY:
        cases = manifest.get("cases", {})
        blank = dict.fromkeys(DIGESTS_OF_FILES, "")
        manifest = {**manifest, "cases": {name: {**one, **blank} for name, one in cases.items()}}
    # The day of the run is no day of an examination.
    created = {"created": manifest.get("created", "")}
    members[MANIFEST] = _json({**tables.text.plain(manifest, ""), **created})
    members |= _derivations(folder, tables)
    members |= _protocols(manifest, order.protocols)
    if order.report is not None:
        members[REPORT_FILE] = order.report
    if order.certificate is not None:
        members["certificate.json"] = order.certificate.read_bytes()
    if order.masks:
        members |= kept_masks(folder, tables.result_keys())
    if order.dicom is not None:
        members[DICOM_FOLDER + COPIES_MANIFEST] = order.dicom.manifest
    return members


def require_no_leak(
    members: Mapping[str, bytes], words: set[str], whole_words: Collection[str] = ()
) -> None:
    """Refuse members that hold a word that names a source; the word itself is not told.

    Parameters
    ----------
    members : mapping
        Name -> what of it is text.
    words : set of str
        Found wherever they stand.
    whole_words : collection of str
        Found where no letter or digit goes on: short ones stand in any table.

    Raises
    ------
    LeakError
        ``BUNDLE-LEAK``.
    """
    sought = [_written_forms(word) for word in words]
    whole = [_whole(_written_forms(word)) for word in whole_words]
    for name, content in sorted(members.items()):
        n_found = sum(any(one in content for one in forms) for forms in sought)
        n_found += sum(one.search(content) is not None for one in whole)
        if n_found:
            raise LeakError(
                "BUNDLE-LEAK",
                f"{name} would tell {n_found} UIDs, scanners, ids or file names of the source",
                where=name,
                hint="Names of the study that repeat them leave as they are: rename these in "
                "cases.csv or the ROI map, or bundle with --identity keep for yourself.",
            )


def _whole(forms: set[bytes]) -> re.Pattern[bytes]:
    any_form = b"|".join(map(re.escape, sorted(forms)))
    return re.compile(rb"(?<![0-9A-Za-z])(?:" + any_form + rb")(?![0-9A-Za-z])")


def _written_forms(word: str) -> set[bytes]:
    """Return a word as tables, JSON and HTML write it."""
    forms = {word, word.replace('"', '""'), json.dumps(word)[1:-1], html.escape(word)}
    forms |= {json.dumps(word, ensure_ascii=False)[1:-1], html.escape(word, quote=False)}
    return {one.encode("utf-8", "surrogatepass") for one in forms}


def _package(folder: Path, members: Mapping[str, bytes]) -> bytes:
    """Return the data package with what is true of the tables that leave."""
    package = json.loads((folder / DATA_PACKAGE).read_text(encoding="utf-8"))
    for resource in package["resources"]:
        content = members[resource["path"]]
        resource["bytes"] = len(content)
        resource["hash"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return _json(package)


def _derivations(folder: Path, tables: OutgoingTables) -> dict[str, bytes]:
    found = {}
    below = folder / DERIVATIONS_FOLDER
    for path in sorted(below.glob("*.json")) if below.is_dir() else ():
        said = json.loads(path.read_text(encoding="utf-8"))
        subject = tables.subject_of_file(case_and_analysis(path.name)[0])
        name = f"{DERIVATIONS_FOLDER}/{path.name}"
        if is_member_name(name):
            found[name] = _json(tables.text.plain(said, subject))
    return found


def _protocols(manifest: Mapping[str, Any], files: Sequence[Path]) -> dict[str, bytes]:
    """Return every protocol that the run names, merged with what it extends.

    Its sha256 is the one that the rows name it by.
    """
    found = {}
    for one in manifest["protocols"]:
        kind = next((k for k in ProtocolKind if k.format_name == one["format"]), None)
        ident = f"{one['id']}@{one['version']}"
        content = None if kind is None else _content(kind, ident, one["sha256"], files)
        if kind is None or content is None:
            raise ExchangeError(
                "BUNDLE-PROTOCOL",
                f"the protocol {ident} that the run was made with is not here",
                hint="Name its file by --protocol: the one with the sha256 of the manifest.",
            )
        name = f"{PROTOCOLS_FOLDER}{kind.value}/{one['id']}/{one['version']}.json"
        if not is_member_name(name):
            raise ExchangeError(
                "BUNDLE-PROTOCOL",
                f"no file can be called as the protocol {ident} on every system",
                hint="Give the protocol another id, and run the study with it.",
            )
        found[name] = content
    return found


def _content(kind: ProtocolKind, ident: str, sha256: str, files: Sequence[Path]) -> bytes | None:
    for name in (*map(str, files), ident):
        try:
            document = load_document(kind, name)
        except ProtocolError:
            continue  # of another kind, or not shipped: the next one may be it
        if document.sha256 == sha256:
            return document.canonical
    return None


def _description(
    manifest: Mapping[str, Any], order: BundleOrder, leaving: _Leaving
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "study": manifest.get("study", ""),
        "identity": order.identity,
        "program": __version__,
        "files": [
            {"path": name, "bytes": leaving.sizes[name], "sha256": sha256}
            for name, sha256 in sorted(leaving.digests.items())
        ],
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode()
