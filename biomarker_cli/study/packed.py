"""PackedResult: a result as it is stored, with the finished lines of its tables.

::

    {"format": "biomarker-result/2", "case_id": ..., "key": ..., "sha256": ..., ...}
    the lines of cases.csv, rois.csv, measurements.csv, facts.csv, checks.csv
    {"notes": [...], "derivations": {...}, "readings": [...]}

The first line says all that a run looks at, and the length of each part behind it; the
dictionary of features stands once for all cases that share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from biomarker_cli.case.inputs import NOTHING_READ, PartDigests
from biomarker_cli.case.result import CaseResult, CaseStatus, Row
from biomarker_cli.model.flags import join_flags, split_flags
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.reading import parse_lines
from biomarker_cli.tables.schema import CASES, CHECKS, FACTS, FEATURES, MEASUREMENTS, Table
from biomarker_cli.tables.writing import table_lines

FORMAT = "biomarker-result/2"

CASE_TABLES = (CASES, ROIS_WITH_AUDIT, MEASUREMENTS, FACTS, CHECKS)
"""Tables that hold rows of each case; the dictionary of features is shared."""

_BY_NAME = {table.name: table for table in CASE_TABLES}


@dataclass(frozen=True)
class ResultHead:
    """What a run looks at, without a look at the rows.

    Attributes
    ----------
    study, case_id : str
    key : str
        `result_key` of what was read; empty where the case is to be looked at again.
    names : str
        `names_key` of the plan.
    status, error_code, error_message : str
        As in ``cases.csv``.
    n_ok, n_without : int
        Measurements with a value, and without.
    rois : list of dict
        roi_id, status, error_code, error_message and the analyses that measured it.
    pixels : str
        sha256 of the stored pixels of the image; empty where it is no DICOM.
    input_sha256 : str
        sha256 over the contents of all files.
    image_sha256, mask_sha256 : str
        The same over the files of the image, and over those of the segmentation.
    n_files : int
    dictionaries : dict
        Analysis -> digest of its dictionary of features.
    """

    study: str
    case_id: str
    key: str
    names: str
    status: str
    error_code: str = ""
    error_message: str = ""
    n_ok: int = 0
    n_without: int = 0
    rois: list[Row] = field(default_factory=list)
    pixels: str = ""
    input_sha256: str = ""
    image_sha256: str = ""
    mask_sha256: str = ""
    n_files: int = 0
    dictionaries: dict[str, str] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """The image role of the case."""
        return self.case_id.rsplit("/", 1)[-1]


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
    """

    head: ResultHead
    lines: dict[str, str]
    log: str

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
    def notes(self) -> list[str]:
        """Reasons that have no column."""
        return list(self._log["notes"])

    @property
    def derivations(self) -> dict[str, Any]:
        """How a quantity was derived, by analysis id."""
        return dict(self._log["derivations"])

    @property
    def readings(self) -> list[Row]:
        """What acquisition rules above series ask of the series of the case."""
        return list(self._log["readings"])

    def flagged(self, flags: frozenset[str]) -> PackedResult:
        """Return the result with further flags on all of its measurements."""
        if not flags:
            return self
        rows = self.rows(MEASUREMENTS)
        for row in rows:
            row["flags"] = join_flags(flags | split_flags(row["flags"]))
        lines = table_lines(MEASUREMENTS, rows)
        return PackedResult(self.head, {**self.lines, MEASUREMENTS.name: lines}, self.log)

    def to_bytes(self) -> bytes:
        """Return the content of its file."""
        parts = [*(self.lines[table.name] for table in CASE_TABLES), self.log]
        body = [part.encode() for part in parts]
        lengths = [len(part) for part in body]
        head = {"format": FORMAT, **asdict(self.head), "lengths": lengths}
        whole = b"".join(body)
        return b"\n".join([_line({**head, "sha256": _seal(head, whole)}), whole])

    @classmethod
    def from_bytes(cls, content: bytes) -> PackedResult:
        """Return the result that a file holds.

        Raises
        ------
        ValueError
            Where it is not as it was written.
        """
        first, _, body = content.partition(b"\n")
        try:
            head = json.loads(first)
        except RecursionError as error:
            raise ValueError("edited or damaged") from error
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise ValueError("of another format")
        if head.pop("sha256", None) != _seal(head, body):
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
            return cls(ResultHead(**head), by_table, log)
        except TypeError as error:
            raise ValueError("of another format") from error


def _line(head: Mapping[str, Any]) -> bytes:
    text = json.dumps(head, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _seal(head: Mapping[str, Any], body: bytes) -> str:
    """Return what an edit of either would change: the head decides as much as the rows."""
    digest = hashlib.sha256(_line(head))
    digest.update(body)
    return digest.hexdigest()


def pack(
    result: CaseResult, study: str, key: str, names: str, parts: PartDigests = NOTHING_READ
) -> tuple[PackedResult, list[str]]:
    """Return a result with finished lines, and the dictionaries of features that it names.

    Raises
    ------
    ValueError, TypeError
        Where no table can hold a row of it.
    """
    dictionaries = _dictionaries(result.features)
    reads = list(result.inputs.values())
    n_ok = sum(row["status"] == "ok" for row in result.measurements)
    head = ResultHead(
        study=study,
        case_id=result.case_id,
        key=key,
        names=names,
        status=result.status.value,
        error_code=str(result.case.get("error_code", "")),
        error_message=str(result.case.get("error_message", "")),
        n_ok=n_ok,
        n_without=len(result.measurements) - n_ok,
        rois=_roi_summaries(result),
        pixels=result.pixels,
        input_sha256=_sha256("".join(sorted(read.sha256 for read in reads))) if reads else "",
        image_sha256=parts.image_sha256,
        mask_sha256=parts.mask_sha256,
        n_files=len(reads),
        dictionaries={analysis: _sha256(text) for analysis, text in dictionaries.items()},
    )
    rows: dict[str, Sequence[Row]] = {
        CASES.name: [{**result.case, "result_key": key}],
        ROIS_WITH_AUDIT.name: result.rois,
        MEASUREMENTS.name: result.measurements,
        FACTS.name: result.facts,
        CHECKS.name: _unique(result.checks),
    }
    lines = {name: table_lines(_BY_NAME[name], found) for name, found in rows.items()}
    log = {"notes": result.notes, "derivations": result.derivations, "readings": result.readings}
    return PackedResult(head, lines, json.dumps(log) + "\n"), list(dictionaries.values())


def _roi_summaries(result: CaseResult) -> list[Row]:
    analyses: dict[str, dict[str, None]] = {}
    for row in result.measurements:
        analyses.setdefault(row["roi_id"], {})[row["analysis_id"]] = None
    return [
        {
            "roi_id": roi["roi_id"],
            "status": roi["status"],
            "error_code": roi.get("error_code") or "",
            "error_message": roi.get("error_message") or "",
            "analyses": sorted(analyses.get(roi["roi_id"], ())),
        }
        for roi in result.rois
    ]


def _unique(rows: Sequence[Row]) -> list[Row]:
    return list({tuple(sorted((k, str(v)) for k, v in row.items())): row for row in rows}.values())


def _dictionaries(features: Sequence[Row]) -> dict[str, str]:
    """Return the lines of ``features.csv``, by analysis."""
    by_analysis: dict[str, list[Row]] = {}
    for row in features:
        by_analysis.setdefault(row["analysis_id"], []).append(row)
    return {analysis: table_lines(FEATURES, rows) for analysis, rows in by_analysis.items()}


def dictionary_digest(text: str) -> str:
    """Return the name that the lines of a dictionary are kept under."""
    return _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
