"""De-identified DICOM that leaves in a bundle, and whether the tables beside it are of it.

UIDs of copies are digests under a key that nobody has who made no copies: tables that name
no others are those of a run on the copies, or were mapped by the same key. A table that
names another one would be the way back to the source.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.identity import is_registered
from biomarker_cli.exchange.bundles.archives import MOST_MEMBER_BYTES
from biomarker_cli.exchange.deidentifying.copies import COPIES_FORMAT, MANIFEST
from biomarker_cli.exchange.errors import ExchangeError, LeakError
from biomarker_cli.exchange.uids import is_archive_uid
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.columns import read_columns

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DICOM_FOLDER = "dicom/"

_MOST_MANIFEST_BYTES = 64 * 1024**2
_SUFFIX = ".dcm"
_MOST_PARTS = 4
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(rb"(?<![\w.])[0-2](?:\.(?:0|[1-9]\d*)){2,}(?!\w|\.\w)")
_TEXTS = frozenset(
    [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
    ],
)
_SHORTEST_ID, _SHORTEST_FILE = 3, 8
_SHORTEST_UID = 20
"""Of text: versions of programs look like shorter ones."""


@dataclass(frozen=True)
class CarriedDicom:
    """Copies as they go into a bundle.

    Attributes
    ----------
    folder : Path
    digests : dict
        Path below the folder -> sha256.
    sizes : dict
        Path below the folder -> bytes.
    uids : frozenset of str
        Every UID in their headers.
    text : bytes
        Every different text in their headers, a line each.
    manifest : bytes
        Of the copies.
    """

    folder: Path
    digests: Mapping[str, str]
    sizes: Mapping[str, int]
    uids: frozenset[str]
    text: bytes
    manifest: bytes

    @property
    def manifest_text(self) -> bytes:
        """What the manifest says beside names and digests, which are those of UIDs."""
        said = json.loads(self.manifest)
        return json.dumps({name: one for name, one in said.items() if name != "files"}).encode()

    def members(self) -> Iterator[tuple[str, str, int, Callable[[], bytes]]]:
        """Yield name in the archive, sha256, size, and what gives the content of each copy."""
        for name, sha256 in sorted(self.digests.items()):
            content = partial(_copy, self.folder, name, sha256)
            yield DICOM_FOLDER + name, sha256, self.sizes[name], content

    def require_source_of(self, cells: Iterable[tuple[str, str]]) -> None:
        """Refuse cells of tables that name what is none of the copies.

        Parameters
        ----------
        cells : iterable of (str, str)
            Column and value, as they leave.

        Raises
        ------
        ExchangeError
            ``BUNDLE-OTHER-SOURCE``.
        """
        names = {name.rpartition("/")[2] for name in self.digests}
        foreign = set()
        for column, value in cells:
            if column == "source_file":
                foreign |= {value} - names - {""}
            else:
                uids = {part.partition("#")[0] for part in value.split(";")} - {""}
                foreign |= uids - self.uids
        if foreign:
            raise ExchangeError(
                "BUNDLE-OTHER-SOURCE",
                f"{len(foreign)} UIDs or files of the tables are those of no copy: they would lead "
                "back to the source",
                where=str(self.folder),
                hint="Measure the copies and bundle that run, or name by --key the key that the "
                "copies were made with: the tables are mapped by it.",
            )

    def require_no_other_uid(self, name: str, content: bytes) -> None:
        """Refuse a member that names a UID of no copy.

        Raises
        ------
        LeakError
            ``BUNDLE-LEAK``.
        """
        said = {one.decode() for one in _UID.findall(content) if len(one) >= _SHORTEST_UID}
        n_others = sum(not is_registered(one) for one in said - self.uids)
        if n_others:
            raise LeakError(
                "BUNDLE-LEAK",
                f"{name} would tell {n_others} UIDs that are those of no copy",
                where=name,
                hint="Bundle a run on the copies, or map the tables by --key.",
            )


def read_copies(folder: Path) -> CarriedDicom:
    """Return what `biomarker deidentify` wrote, every byte of it checked.

    Raises
    ------
    ExchangeError
        ``BUNDLE-DICOM`` where the folder is not as it was written.
    """
    content = _manifest(folder)
    digests = _digests(folder, content)
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    if present != {*digests, MANIFEST}:
        more, less = len(present - {*digests, MANIFEST}), len({*digests} - present)
        raise _no_copies(folder, f"{less} files are absent and {more} were put in")
    sizes, uids, texts = dict[str, int](), set[str](), set[str]()
    for name, sha256 in sorted(digests.items()):
        copy = _copy(folder, name, sha256)
        sizes[name] = len(copy)
        for vr, value in _values(folder, name, copy):
            texts.add(value)
            if vr == "UI":
                uids.add(value)
    text = "\n".join(sorted(texts)).encode("utf-8", "surrogatepass")
    return CarriedDicom(folder, digests, sizes, frozenset(uids), text, content)


def words_of_link(path: Path) -> frozenset[str]:
    """Return what a link table says of the sources: ids of patients, names of files.

    Parameters
    ----------
    path : Path
        As `biomarker deidentify` wrote it beside the key.

    Raises
    ------
    ExchangeError
        ``BUNDLE-NO-LINK``.
    TableError
        ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    """
    if not path.is_file():
        raise ExchangeError(
            "BUNDLE-NO-LINK",
            "no link table lies beside the key: what must not leave is not known",
            where=str(path),
            hint="Name the key where `biomarker deidentify` left it, as KEY with KEY.link.csv.",
        )
    texts = read_columns(path, ("patient_id", "source"), (), ()).texts
    patients, sources = (map(unescape_cell, texts[name].words) for name in ("patient_id", "source"))
    ids = {one for patient in patients if len(one := patient.strip()) >= _SHORTEST_ID}
    files = {re.split(r"[/\\]", one)[-1] for one in sources}
    return frozenset(ids | {one for one in files if len(one) >= _SHORTEST_FILE})


def require_copy(content: bytes, name: str) -> None:
    """Refuse bytes that are no DICOM, or do not say that nobody is named in them.

    Raises
    ------
    HeaderError
        ``FILE-NOT-DICOM``, ``FILE-INFLATES``.
    ExchangeError
        ``BUNDLE-DICOM``.
    """
    from biomarker_cli.dicom.headers import ELEMENT_ERRORS, parse_header

    header = parse_header(content, Path(name))
    try:
        is_removed = str(header.get("PatientIdentityRemoved", "")) == "YES"
    except ELEMENT_ERRORS:
        is_removed = False
    if not is_removed:
        raise _no_copies(Path(name), "an object does not say that its identity was removed")


def _manifest(folder: Path) -> bytes:
    path = folder / MANIFEST
    try:
        if not path.is_file() or path.stat().st_size > _MOST_MANIFEST_BYTES:
            raise _no_copies(folder, f"it has no {MANIFEST}")
        return path.read_bytes()
    except OSError as error:
        raise _no_copies(folder, f"{MANIFEST} cannot be read") from error


def _digests(folder: Path, content: bytes) -> dict[str, str]:
    digests = copies_in(content)
    if digests is None:
        raise _no_copies(folder, f"{MANIFEST} does not say {COPIES_FORMAT}, or is damaged")
    if not digests:
        raise _no_copies(folder, "there are no copies in it")
    if not all(map(_may_be_a_copy, digests)):
        raise _no_copies(folder, "a name is none that a copy has")
    return digests


def _may_be_a_copy(name: str) -> bool:
    """Tell whether a path is one of UIDs, as copies have them: it leads nowhere else."""
    parts = name.removesuffix(_SUFFIX).split("/")
    return name.endswith(_SUFFIX) and len(parts) <= _MOST_PARTS and all(map(is_archive_uid, parts))


def copies_in(content: bytes) -> dict[str, str] | None:
    """Return path -> sha256 of the copies that a manifest lists; None where it is none."""
    try:
        said: Any = json.loads(content)
        if not isinstance(said, dict) or said.get("format") != COPIES_FORMAT:
            return None
        found = {str(name): str(sha256) for name, sha256 in said["files"].items()}
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
    return found if all(map(_SHA256.fullmatch, found.values())) else None


def _copy(folder: Path, name: str, sha256: str) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > MOST_MEMBER_BYTES:
            raise _no_copies(folder, f"{name} is a link, or too large for a bundle")
        content = path.read_bytes()
    except OSError as error:
        raise _no_copies(folder, f"{name} cannot be read") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _no_copies(folder, f"{name} is not what {MANIFEST} says")
    return content


def _values(folder: Path, name: str, content: bytes) -> list[tuple[str, str]]:
    from biomarker_cli.dicom.headers import ELEMENT_ERRORS, parse_header

    try:
        require_copy(content, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd values, which the check does not judge
            return list(_texts(parse_header(content, folder / name)))
    except HeaderError as error:
        raise _no_copies(folder, f"{name}: {error.message}") from error
    except ELEMENT_ERRORS as error:
        raise _no_copies(folder, f"{name}: an element cannot be read") from error


def _texts(header: Dataset) -> Iterator[tuple[str, str]]:
    """Yield VR and each value of every element that is text, items as well."""
    for element in header.iterall():
        if element.VR in _TEXTS and element.value:
            for value in element.value if element.VM > 1 else [element.value]:
                yield element.VR, str(value)


def _no_copies(folder: Path, why: str) -> ExchangeError:
    return ExchangeError(
        "BUNDLE-DICOM",
        f"that are not the copies as `biomarker deidentify` wrote them: {why}",
        where=str(folder),
        hint="Name the folder that it wrote, whole and with nothing else in it.",
    )
