"""Write copies of DICOM objects that name nobody: plan, clean, check, then hand over."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.catalogue.files import find_files
from biomarker_cli.dicom.headers import ELEMENT_ERRORS
from biomarker_cli.dicom.identity import pseudonym
from biomarker_cli.exchange.annex_e import table
from biomarker_cli.exchange.cleaning import METHODS, Cleaner
from biomarker_cli.exchange.errors import ExchangeError, LeakError, ObjectRefusedError
from biomarker_cli.exchange.leaks import Originals
from biomarker_cli.exchange.profile import ProfileFile
from biomarker_cli.exchange.values import SubjectKey
from biomarker_cli.model.errors import BiomarkerError, InputNotFoundError
from biomarker_cli.model.outputs import PRIVATE_MODE, replace_file, write_part
from biomarker_cli.tables.cells import csv_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MANIFEST = "deidentification.json"
_KEY_BYTES = 32
_LINK_COLUMNS = ("patient_id", "subject_id", "source", "error_code", "written")


@dataclass
class CopiedFiles:
    """What became of the files.

    Attributes
    ----------
    written : dict of str to str
        Path below the output -> sha256.
    refused : Counter
        Code -> how many files.
    done : Counter
        (attribute, kept | changed | removed) -> how often.
    link : list of dict
        Rows that lead back to the source; they stay where the key is.
    """

    written: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    link: list[dict[str, str]] = field(default_factory=list)


def read_or_make_key(path: Path) -> bytes:
    """Return the key of a file of 64 hexadecimal digits; where there is none, make it.

    Raises
    ------
    ExchangeError
        ``DEID-KEY`` where the file is no key.
    """
    if not path.exists():
        write_part(path, f"{secrets.token_hex(_KEY_BYTES)}\n".encode(), PRIVATE_MODE)
    with path.open("rb") as stream:
        content = stream.read(4 * _KEY_BYTES)
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ExchangeError(
            "DEID-KEY",
            f"the file is no key: expected {2 * _KEY_BYTES} hexadecimal digits",
            where=path.name,
            hint="Restore it, or name a file that does not exist: a new key is made.",
        )
    return key


def deidentify(folder: Path, output: Path | None, profile: ProfileFile, key: bytes) -> CopiedFiles:
    """Write de-identified copies of the DICOM below a folder.

    Parameters
    ----------
    folder : Path
    output : Path or None
        A folder that does not exist yet; None writes nothing.
    profile : ProfileFile
    key : bytes

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``, ``NOTHING-FOUND``.
    LeakError
        ``DEID-LEAK``; what was written is taken away again.
    """
    files = [Path(one.path) for one in find_files([folder]).files]
    if not files:
        raise InputNotFoundError("NOTHING-FOUND", f"no file below {folder}")
    outcome, originals = CopiedFiles(), Originals()
    try:
        for path in files:
            _one(path, output, profile, key, outcome, originals)
        if output is not None:
            _require_no_leak(output, outcome, originals)
    except BaseException:
        if output is not None:
            shutil.rmtree(output, ignore_errors=True)
        raise
    return outcome


def _one(
    path: Path,
    output: Path | None,
    profile: ProfileFile,
    key: bytes,
    outcome: CopiedFiles,
    originals: Originals,
) -> None:
    row = dict.fromkeys(_LINK_COLUMNS, "") | {"source": str(path)}
    outcome.link.append(row)
    try:
        source = path.read_bytes()
        dataset = _read(io.BytesIO(source))
        _require_taken(dataset, profile)
        # From a second look: elements that were decoded have lost the bytes they came with.
        originals.take(_read(io.BytesIO(source)))
        patient = str(dataset.get("PatientID") or "").strip()
        subject = f"S{pseudonym(key, 'subject' + chr(0) + patient)}"
        row |= {"patient_id": patient, "subject_id": subject}
        cleaner = Cleaner(profile, SubjectKey(key, subject, frozenset(profile.words)))
        cleaner.clean(dataset)
        content, name = _content(dataset)
    except BiomarkerError as error:
        row["error_code"] = error.code
        outcome.refused[error.code] += 1
        return
    except ELEMENT_ERRORS:
        row["error_code"] = "DEID-UNREADABLE"
        outcome.refused["DEID-UNREADABLE"] += 1
        return
    if name in outcome.written:
        row["error_code"] = "DEID-REPEATED"
        outcome.refused["DEID-REPEATED"] += 1
        return
    outcome.done.update(cleaner.done)
    outcome.written[name] = hashlib.sha256(content).hexdigest()
    row["written"] = name
    if output is not None:
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _read(file: Path | io.BytesIO) -> Dataset:
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(file)


def _require_taken(dataset: Dataset, profile: ProfileFile) -> None:
    if str(dataset.get("SOPClassUID", "")) not in profile.sop_classes:
        raise ObjectRefusedError(
            "DEID-OBJECT", "the profile takes no object of this kind", hint="It stays behind."
        )
    if str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        raise ObjectRefusedError("DEID-BURNED-IN", "text is burned into the pixels")
    if any("SECONDARY" in str(one).upper() for one in dataset.get("ImageType", ())[1:2]) and (
        str(dataset.get("ConversionType", "")).strip()
    ):
        raise ObjectRefusedError("DEID-OBJECT", "a secondary capture stays behind")


def _content(dataset: Dataset) -> tuple[bytes, str]:
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(stream, enforce_file_format=True)
    # Mapped UIDs alone, so that nothing of the source names a path.
    parts = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    return stream.getvalue(), "/".join(map(str, parts)) + ".dcm"


def _require_no_leak(output: Path, outcome: CopiedFiles, originals: Originals) -> None:
    originals.texts.discard("")
    for name in outcome.written:
        dataset = _read(output / name)
        found = originals.found_in(dataset, str(dataset.PatientID))
        if found:
            raise LeakError(
                "DEID-LEAK",
                f"{found} of a copy still holds what names a person, a device or a place: "
                "nothing was kept",
                where=name,
                hint="Take the element out of the profile's technical_text, or the word out "
                "of its words.",
            )


def manifest_of(outcome: CopiedFiles, profile: ProfileFile, sha256: str) -> dict[str, Any]:
    """Return the manifest of the copies: no link to identity stands in it."""
    tables = {name: table(name) for name in ("annex_e_2024b", "safe_private_2026d")}
    return {
        "format": "biomarker-deidentified/1",
        "profile": f"{profile.id}@{profile.version}",
        "profile_sha256": sha256,
        "tables": {name: {"sha256": one["sha256"]} for name, one in tables.items()},
        "methods": dict(METHODS),
        "private_beyond_table": [
            f"({rule.group},xx{rule.element}) {rule.creator}" for rule in profile.private
        ],
        "recognisable_features": "kept",
        "n_written": len(outcome.written),
        "refused": dict(sorted(outcome.refused.items())),
        "files": dict(sorted(outcome.written.items())),
    }


def write_records(outcome: CopiedFiles, output: Path, link: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest beside the copies, and the link where its owner alone reads it."""
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    replace_file(output / MANIFEST, text.encode())
    write_part(link, csv_text(_LINK_COLUMNS, outcome.link).encode(), PRIVATE_MODE)


def attribute_rows(done: Iterable[tuple[tuple[str, str], int]]) -> list[dict[str, Any]]:
    """Return what becomes of each attribute, by its name."""
    return [{"attribute": name, "becomes": what, "count": n} for (name, what), n in sorted(done)]
