"""PackedResult: a result as it is stored, with the finished lines of its tables.

::

    {"format": "biomarker-result/7", "case_id": ..., "key": ..., "sha256": ..., ...}
    the lines of cases.csv, rois.csv, measurements.csv, facts.csv, checks.csv, diameters.csv,
    registrations.csv
    {"notes": [...], "derivations": {...}, "readings": [...]}

The first line says all that a run looks at, and the length of each part behind it; the
dictionary of features stands once for all cases that share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from biomarker_cli.case.inputs import NOTHING_READ, PartDigests
from biomarker_cli.case.result import CaseStatus, Note
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.study.finished import FinishedResult, RoiSummary
from biomarker_cli.study.flagging import weighed_lines, with_flags
from biomarker_cli.study.keys import key_of_parts
from biomarker_cli.tables.reading import parse_lines
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    DIAMETERS,
    FACTS,
    MEASUREMENTS,
    REGISTRATIONS,
    Table,
)
from biomarker_cli.tables.writing import row_lines

FORMAT = "biomarker-result/7"
_ANY_FORMAT = "biomarker-result/"

CASE_TABLES = (CASES, ROIS_WITH_AUDIT, MEASUREMENTS, FACTS, CHECKS, DIAMETERS, REGISTRATIONS)
"""Tables that hold rows of each case; the dictionary of features is shared."""


class OtherFormatError(ValueError):
    """A result that another version of the program wrote."""


@dataclass(frozen=True)
class ResultHead:
    """What a run looks at, without a look at the rows.

    Attributes
    ----------
    study, case_id : str
    site_id, subject_id, timepoint, role : str
        What the id of the case is made of.
    key : str
        `result_key` of what was read; empty where the case is to be looked at again.
    names : str
        `names_key` of the plan.
    status, error_code, error_message : str
        As in ``cases.csv``.
    n_ok, n_without : int
        Measurements with a value, and without.
    rois : list of RoiSummary
    pixels : str
        sha256 of the stored pixels of the image; empty where it is no DICOM.
    input_sha256 : str
        sha256 over the contents of all files.
    image_sha256, mask_sha256 : str
        The same over the files of the image, and over those of the segmentation.
    n_files : int
    dictionaries : dict
        Analysis -> digest of its dictionary of features.
    parts : dict
        What the key is made of (`key_parts`).
    flags : dict
        Table name -> flag -> its rows that carry it.
    """

    study: str
    case_id: str
    site_id: str
    subject_id: str
    timepoint: str
    role: str
    key: str
    names: str
    status: str
    error_code: str = ""
    error_message: str = ""
    n_ok: int = 0
    n_without: int = 0
    rois: list[RoiSummary] = field(default_factory=list)
    pixels: str = ""
    input_sha256: str = ""
    image_sha256: str = ""
    mask_sha256: str = ""
    n_files: int = 0
    dictionaries: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    flags: dict[str, dict[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what JSON holds of it; nothing is copied: a third of storing a small result."""
        return {**vars(self), "rois": [vars(roi) for roi in self.rois]}

    @property
    def visit(self) -> tuple[str, str, str]:
        """Site, subject and timepoint."""
        return self.site_id, self.subject_id, self.timepoint


@dataclass(frozen=True)
class PackedResult:
    """A result with finished lines.

    Attributes
    ----------
    head : ResultHead
    lines : dict
        Table name -> its lines, sorted.
    log : str
        JSON of notes, derivations and readings.
    seal : str
        Digest of its file; empty where it was not read from one.
    """

    head: ResultHead
    lines: dict[str, str]
    log: str
    seal: str = field(default="", compare=False)

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return self.head.case_id

    @property
    def status(self) -> CaseStatus:
        """What became of the case."""
        return CaseStatus(self.head.status)

    def rows(self, table: Table) -> list[dict[str, str]]:
        """Return the rows of a table, as text."""
        return parse_lines(table, self.lines[table.name])

    @cached_property
    def _log(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.log)
        return found

    @property
    def notes(self) -> list[Note]:
        """Reasons that have no column."""
        return [Note(*note) for note in self._log["notes"]]

    @property
    def derivations(self) -> dict[str, Any]:
        """How a quantity was derived, by analysis id."""
        return dict(self._log["derivations"])

    @property
    def readings(self) -> list[dict[str, Any]]:
        """What acquisition rules above series ask of the series of the case."""
        return list(self._log["readings"])

    def flagged(self, flags: frozenset[str]) -> PackedResult:
        """Return the result with further flags on all of its measurements."""
        if not flags:
            return self
        lines, counts = with_flags(self.lines[MEASUREMENTS.name], flags)
        head = replace(self.head, flags=self.head.flags | {MEASUREMENTS.name: counts})
        return replace(self, head=head, lines={**self.lines, MEASUREMENTS.name: lines})

    def weighed_by(self, policy: UsablePolicy) -> PackedResult:
        """Return the result with the column `usable` by a policy; stored is that of the product."""
        if policy.own == DEFAULT_POLICY.own:
            return self
        lines = weighed_lines(self.lines[MEASUREMENTS.name], policy)
        return replace(self, lines={**self.lines, MEASUREMENTS.name: lines})

    def to_bytes(self) -> bytes:
        """Return the content of its file."""
        return self.sealed()[1]

    def sealed(self) -> tuple[PackedResult, bytes]:
        """Return the result with its seal, and the content of its file."""
        parts = [*(self.lines[table.name] for table in CASE_TABLES), self.log]
        body = [part.encode() for part in parts]
        lengths = [len(part) for part in body]
        line = _line({"format": FORMAT, **self.head.as_json(), "lengths": lengths})
        whole = b"".join(body)
        seal = _seal(line, whole)
        return replace(self, seal=seal), b"\n".join([_sealed_line(line, seal), whole])

    @classmethod
    def from_bytes(cls, content: bytes) -> PackedResult:
        """Return the result that a file holds.

        Raises
        ------
        OtherFormatError
            Where another version wrote it.
        ValueError
            Where it is not as it was written.
        """
        first, _, body = content.partition(b"\n")
        try:
            head = json.loads(first)
        except RecursionError as error:
            raise ValueError("edited or damaged") from error
        form = str(head.get("format")) if isinstance(head, dict) else ""
        if form != FORMAT and form.startswith(_ANY_FORMAT):
            raise OtherFormatError(f"of the format {form}")
        if form != FORMAT:
            raise ValueError("edited or damaged")
        seal = str(head.pop("sha256", ""))
        line = first[: -len(_sealed_line(b"}", seal))] + b"}"
        if first != _sealed_line(line, seal) or seal != _seal(line, body):
            raise ValueError("edited or damaged")
        lengths = head.pop("lengths")
        del head["format"]
        parts, start = [], 0
        for length in lengths:
            parts.append(body[start : start + length].decode())
            start += length
        try:
            *lines, log = parts
            by_table = dict(zip((t.name for t in CASE_TABLES), lines, strict=True))
            return cls(head_of(head), by_table, log, seal)
        except (KeyError, TypeError) as error:
            raise ValueError("edited or damaged") from error


def head_of(said: Mapping[str, Any]) -> ResultHead:
    """Return a head from its JSON.

    Raises
    ------
    KeyError, TypeError
        Where it is none.
    """
    return ResultHead(**{**said, "rois": [RoiSummary(**roi) for roi in said["rois"]]})


def _line(head: Mapping[str, Any]) -> bytes:
    text = json.dumps(head, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _sealed_line(line: bytes, seal: str) -> bytes:
    """Return the line of a head with its seal as the last of its values."""
    return line[:-1] + f', "sha256": "{seal}"}}'.encode("utf-8", "surrogatepass")


def _seal(line: bytes, body: bytes) -> str:
    """Return what an edit of either would change: the head decides as much as the rows."""
    digest = hashlib.sha256(line)
    digest.update(body)
    return digest.hexdigest()


def pack(
    result: FinishedResult,
    study: str,
    key: Mapping[str, Any],
    names: str,
    parts: PartDigests = NOTHING_READ,
) -> tuple[PackedResult, list[str]]:
    """Return a result as it is stored, and the dictionaries of features that it names.

    Parameters
    ----------
    result : FinishedResult
    study : str
    key : mapping
        What its key is made of (`key_parts`); empty where it is to be looked at again.
    names : str
        `names_key` of its plan.
    parts : PartDigests
        Of image and segmentation.
    """
    reads = list(result.inputs.values())
    case = result.case
    head = ResultHead(
        study=study,
        case_id=case.case_id,
        site_id=case.site_id,
        subject_id=case.subject_id,
        timepoint=case.timepoint,
        role=result.role,
        key=key_of_parts(key) if key else "",
        names=names,
        status=case.status,
        error_code=case.error_code,
        error_message=case.error_message,
        n_ok=result.n_ok,
        n_without=result.n_without,
        rois=result.rois,
        pixels=result.pixels,
        input_sha256=_sha256("".join(sorted(read.sha256 for read in reads))) if reads else "",
        image_sha256=parts.image_sha256,
        mask_sha256=parts.mask_sha256,
        n_files=len(reads),
        dictionaries={name: _sha256(text) for name, text in result.dictionaries.items()},
        parts=dict(key),
        flags=result.flags,
    )
    case_line = row_lines(CASES, [replace(case, result_key=head.key)])
    packed = PackedResult(head, {CASES.name: case_line, **result.lines}, result.log)
    return packed, list(result.dictionaries.values())


def dictionary_digest(text: str) -> str:
    """Return the name that the lines of a dictionary are kept under."""
    return _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
