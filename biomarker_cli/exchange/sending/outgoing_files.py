"""The files of a folder that may be sent: whole DICOM objects, as they say of themselves."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.dicom.identity import OWN_MANUFACTURER
from biomarker_cli.exchange.fetching.completeness import (
    StoredObject,
    is_marked,
    opened_itself,
    stored_in,
)
from biomarker_cli.exchange.sending.sent_table import NOT_DICOM, REFUSED, SentRow
from biomarker_cli.exchange.uids import is_archive_uid
from biomarker_cli.model.inputs import FileSignature
from biomarker_cli.model.wording import shown

_UUID_ROOT = "2.25."
_KEYED_VERSION = 8

CHANGED, UNREADABLE = "SEND-CHANGED", "SEND-UNREADABLE"


@dataclass(frozen=True)
class OutgoingFile:
    """A file that may be sent.

    Attributes
    ----------
    path : Path
    name : str
        From the folder, with ``/``, as a terminal shows it.
    study_uid, series_uid, sop_instance_uid, sop_class_uid : str
    encoding : str
        Transfer Syntax UID.
    is_ours : bool
        Whether this program made it of a run: a SEG, an SR, a map.
    signature : FileSignature
        Of the file that was read.
    """

    path: Path
    name: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    encoding: str
    is_ours: bool
    signature: FileSignature

    @property
    def n_bytes(self) -> int:
        """Size of the file."""
        return self.signature.size

    def is_as_found(self) -> bool:
        """Tell whether the file that was read still lies there: what leaves is what was judged."""
        try:
            return FileSignature.of(self.path.lstat()) == self.signature
        except OSError:
            return False

    def row(self, status: str, code: str = "", message: str = "") -> SentRow:
        """Return its row of ``sent.csv``."""
        return SentRow(
            file=self.name,
            status=status,
            study_uid=self.study_uid,
            series_uid=self.series_uid,
            sop_instance_uid=self.sop_instance_uid,
            sop_class_uid=self.sop_class_uid,
            n_bytes=self.n_bytes,
            error_code=code,
            error_message=message,
        )


def is_keyed(uid: str) -> bool:
    """Tell whether a UID is one of a study's key: it stands for another one.

    References
    ----------
    RFC 9562, 5.8: the UUID that `UidMap` writes has version 8.
    """
    if not uid.startswith(_UUID_ROOT) or not uid[len(_UUID_ROOT) :].isdecimal():
        return False
    number = int(uid[len(_UUID_ROOT) :])
    return number < 1 << 128 and uuid.UUID(int=number).version == _KEYED_VERSION


def files_below(folder: Path) -> Iterator[OutgoingFile | SentRow]:
    """Yield what may be sent, and a row for each file that may not; sorted by name.

    Links are not followed: what lies behind one is not of the folder.
    """
    known: dict[str, str] = {}
    names: set[str] = set()
    for path in sorted(folder.rglob("*")):
        name = _own_name(shown(path.relative_to(folder).as_posix()), names)
        if path.is_symlink():
            yield _refused(name, "SEND-LINK", "a link is not followed")
        elif path.is_file():
            found = _read(path, name)
            if isinstance(found, OutgoingFile):
                first = known.setdefault(found.sop_instance_uid, name)
                if first != name:
                    found = found.row(REFUSED, "SEND-TWICE", f"the same instance as {first}")
            yield found


def _own_name(name: str, names: set[str]) -> str:
    """Return a name that no other file is shown by, and note it.

    What a terminal is shown of a control character may be the true name of another file.
    """
    own, number = name, 1
    while own in names:
        number += 1
        own = f"{name} ({number})"
    names.add(own)
    return own


def _read(path: Path, name: str) -> OutgoingFile | SentRow:
    """Return what a file is, from one look at it."""
    try:
        with opened_itself(path) as file:
            signature = FileSignature.of(os.fstat(file.fileno()))
            is_dicom = is_marked(file)
            stored = stored_in(file, path) if is_dicom else None
    except OSError as error:
        return _refused(name, UNREADABLE, error.strerror or "it cannot be read")
    if not is_dicom:
        if path.suffix.lower() == ".dcm":
            return _refused(name, "SEND-NOT-DICOM", "no DICOM file, whatever its name says")
        return SentRow(file=name, status=NOT_DICOM, n_bytes=signature.size)
    if stored is None:
        return _refused(name, "SEND-CUT", "its header cannot be read to the end")
    if stored.fault:
        return _refused(name, "SEND-CUT", stored.fault)
    return _described(path, name, stored, signature)


def _described(
    path: Path, name: str, stored: StoredObject, signature: FileSignature
) -> OutgoingFile | SentRow:
    sop_class, instance = stored.sop_class_uid, stored.sop_instance_uid
    if not all(map(is_archive_uid, (*stored.uids, sop_class, stored.encoding, *stored.described))):
        return _refused(name, "SEND-UID", "a UID that names it is absent, or is none")
    if stored.described != (sop_class, instance):
        return _refused(name, "SEND-UID", "its meta information names another object")
    is_ours = stored.maker == OWN_MANUFACTURER
    return OutgoingFile(path, name, *stored.uids, sop_class, stored.encoding, is_ours, signature)


def _refused(name: str, code: str, message: str) -> SentRow:
    return SentRow(file=name, status=REFUSED, error_code=code, error_message=message)
