"""One archive of a run for another centre: what it found, by which rules, and that it is whole."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.exchange.bundles.archives import archive_bytes, is_member_name
from biomarker_cli.exchange.bundles.crate import CRATE, crate_of
from biomarker_cli.exchange.bundles.outgoing_tables import OutgoingTables
from biomarker_cli.exchange.errors import ExchangeError, LeakError
from biomarker_cli.model.version import __version__
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.tables.manifest import DERIVATIONS_FOLDER, MANIFEST, read_manifest
from biomarker_cli.tables.outgoing_text import KEEP
from biomarker_cli.tables.package import DATA_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORMAT = "biomarker-bundle/1"
BUNDLE_FILE = "bundle.json"
REPORT_FILE = "report.html"
PROTOCOLS_FOLDER = "protocols/"


@dataclass(frozen=True)
class BundleOrder:
    """What is asked of a bundle.

    Attributes
    ----------
    identity : str
        ``study`` maps UIDs, dates, scanners and files; ``keep`` leaves tables as they are.
    uid : callable
        From a UID to the one that stands for it.
    report : bytes or None
        A report of the run, made under the same identity.
    certificate : Path or None
        Of the installation that measured.
    protocols : sequence of Path
        Files of protocols that are not shipped.
    """

    identity: str
    uid: Callable[[str], str]
    report: bytes | None = None
    certificate: Path | None = None
    protocols: Sequence[Path] = ()

    @property
    def keeps(self) -> bool:
        """Whether tables leave as they are."""
        return self.identity == KEEP


def bundle_of(folder: Path, order: BundleOrder) -> bytes:
    """Return the archive of a run: the same bytes for the same run and order.

    Parameters
    ----------
    folder : Path
        Of a run; its tables must be what it wrote.
    order : BundleOrder

    Raises
    ------
    TableError
        Where a table is not what the run wrote.
    ExchangeError
        ``BUNDLE-PROTOCOL``, ``BUNDLE-NO-MANIFEST``.
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
    members = {f"{name}.csv": tables.content(table) for name, table in tables.tables.items()}
    members[DATA_PACKAGE] = _package(folder, members)
    # The day of the run is no day of an examination.
    created = {"created": manifest.get("created", "")}
    members[MANIFEST] = _json({**tables.text.plain(manifest, ""), **created})
    members |= _derivations(folder, tables)
    members |= _protocols(manifest, order.protocols)
    if order.report is not None:
        members[REPORT_FILE] = order.report
    if order.certificate is not None:
        members["certificate.json"] = order.certificate.read_bytes()
    if not order.keeps:
        require_no_leak(members, tables.identifying())
    members[CRATE] = _json(crate_of(manifest, members))
    members[BUNDLE_FILE] = _json(_description(manifest, order, members))
    return archive_bytes(members)


def require_no_leak(members: Mapping[str, bytes], words: set[str]) -> None:
    """Refuse members that hold a word that names a source; the word itself is not told.

    Raises
    ------
    LeakError
        ``BUNDLE-LEAK``.
    """
    sought = [_written_forms(word) for word in words]
    for name, content in sorted(members.items()):
        n_found = sum(any(one in content for one in forms) for forms in sought)
        if n_found:
            raise LeakError(
                "BUNDLE-LEAK",
                f"{name} would tell {n_found} UIDs, scanners or file names of the source",
                where=name,
                hint="Names of the study that repeat them leave as they are: rename these in "
                "cases.csv or the ROI map, or bundle with --identity keep for yourself.",
            )


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
        # The name of the file begins with the case.
        case = "/".join(path.name.split("__")[:4])
        name = f"{DERIVATIONS_FOLDER}/{path.name}"
        if is_member_name(name):
            found[name] = _json(tables.text.plain(said, tables.subject_of({"case_id": case})))
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
        found[f"{PROTOCOLS_FOLDER}{kind.value}/{one['id']}/{one['version']}.json"] = content
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
    manifest: Mapping[str, Any], order: BundleOrder, members: Mapping[str, bytes]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "study": manifest.get("study", ""),
        "identity": order.identity,
        "program": __version__,
        "files": [
            {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(members.items())
        ],
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode()
