"""The study file: which cases, which protocols, which rules.

A study is a folder with ``study.yaml`` and a list of cases (CSV). Paths in
both are relative to that folder, the study root.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from biomarker_cli.acquisition import Waiver, load_waivers
from biomarker_cli.model.quantity import DECLARABLE
from biomarker_cli.pet import Override, OverrideError, load_overrides
from biomarker_cli.pet.rules import ClinicalForm
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import problem_text
from biomarker_cli.protocol.yaml_source import line_of, read_yaml
from biomarker_cli.regions.rules import RoiNames
from biomarker_cli.study.errors import StudyError
from biomarker_cli.tables import unescape_cell

FORMAT = "biomarker-study/1"

IDENTIFIER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
"""What site, subject, timepoint and role may look like: they make up file names."""

_REQUIRED = ("site_id", "subject_id", "timepoint", "role", "image", "mask")
_OPTIONAL = ("series_uid", "rois", "quantity", "other_frame_of_reference")


class Role(Strict):
    """What is done with the images of one role.

    Attributes
    ----------
    acquisition : str
        Acquisition protocol, ``id[@version]`` or a path; empty for none.
    analyses : tuple of str
        Analysis protocols.
    rois : tuple of str
        Canonical names that every case must have; empty means all of the file.
    """

    acquisition: str = ""
    analyses: tuple[str, ...] = Field(min_length=1)
    rois: tuple[str, ...] = ()


class StudyModel(Strict):
    """Content of ``study.yaml``.

    Attributes
    ----------
    overrides : str
        Audited override file of header values, relative to the study file.
    waivers : str
        Accepted deviations of acquisition rules, relative to the study file.
    lock : str
        Lock that every protocol of the study is held against, relative to the
        study file.
    """

    format: Literal["biomarker-study/1"]
    id: str
    title: str = ""
    cases: str = "cases.csv"
    on_violation: Literal["flag", "exclude"] = "flag"
    integrity: Literal["refuse", "flag"] = "refuse"
    roles: dict[str, Role] = Field(min_length=1)
    rois: RoiNames | None = None
    overrides: str = ""
    waivers: str = ""
    lock: str = ""

    @field_validator("id")
    @classmethod
    def _is_identifier(cls, value: str) -> str:
        if not IDENTIFIER.match(value):
            raise ValueError("an id has letters, digits, dot, dash and underscore only")
        return value


@dataclass(frozen=True)
class CaseEntry:
    """One row of the list of cases."""

    line: int
    site_id: str
    subject_id: str
    timepoint: str
    role: str
    images: tuple[str, ...]
    mask: str
    series_uid: str
    rois: tuple[str, ...]
    quantity: str
    other_frame_of_reference: bool
    form: ClinicalForm | None

    @property
    def case_id(self) -> str:
        """site/subject/timepoint/role."""
        return "/".join((self.site_id, self.subject_id, self.timepoint, self.role))


@dataclass(frozen=True)
class Study:
    """A study as its files say it.

    Attributes
    ----------
    model : StudyModel
    root : Path
        Folder of the study file.
    entries : tuple of CaseEntry
        In the order of the list.
    overrides : tuple of Override
    waivers : tuple of Waiver
    """

    model: StudyModel
    root: Path
    entries: tuple[CaseEntry, ...]
    overrides: tuple[Override, ...] = ()
    waivers: tuple[Waiver, ...] = ()


def load_study(path: Path) -> Study:
    """Read a study file and its list of cases.

    Raises
    ------
    StudyError
        ``STUDY-NOT-FOUND``, ``STUDY-INVALID``, ``STUDY-CASES``.
    ProtocolError
        ``WAIVER-INVALID``.
    """
    if not path.is_file():
        raise StudyError(
            "STUDY-NOT-FOUND",
            f"no such study file: {path}",
            hint="`biomarker init DIR` writes one for a folder of DICOM.",
        )
    try:
        data, lines = read_yaml(path)
    except ProtocolError as error:
        raise StudyError("STUDY-INVALID", error.message, where=error.where) from error
    try:
        model = StudyModel.model_validate(data)
    except ValidationError as error:
        found = "; ".join(
            f"line {line_of(lines, item['loc'])}, {'.'.join(map(str, item['loc']))}: "
            f"{problem_text(item['msg'])}"
            for item in error.errors(include_url=False)[:10]
        )
        raise StudyError("STUDY-INVALID", found, where=path.name) from error
    entries = _read_cases(path.parent / model.cases, model)
    overrides = _read_overrides(path.parent / model.overrides) if model.overrides else ()
    waivers = load_waivers(path.parent / model.waivers) if model.waivers else ()
    return Study(model, path.parent.absolute(), entries, overrides, waivers)


def _read_overrides(path: Path) -> tuple[Override, ...]:
    try:
        return load_overrides(path)
    except ProtocolError as error:
        raise OverrideError("OVERRIDE-INVALID", error.message, where=path.name) from error


def _read_cases(path: Path, model: StudyModel) -> tuple[CaseEntry, ...]:
    if not path.is_file():
        raise StudyError("STUDY-CASES", f"no such list of cases: {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(
            "STUDY-CASES",
            f"the list of cases is no UTF-8 text (byte {error.start})",
            where=path.name,
            hint="Save it as CSV UTF-8.",
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = reader.fieldnames or []
    if len(columns) == 1 and ";" in columns[0]:
        raise StudyError(
            "STUDY-CASES",
            "the columns are separated by semicolons, expected commas",
            where=path.name,
            hint="Save it as CSV with commas: a semicolon joins several paths in one cell.",
        )
    known = {*_REQUIRED, *_OPTIONAL, *ClinicalForm.model_fields}
    _require_columns(path, list(columns), known)
    entries = tuple(_entry(path, reader.line_num, row, model) for row in reader)
    _require_distinct(path, entries)
    return entries


def _require_distinct(path: Path, entries: Sequence[CaseEntry]) -> None:
    """Every case once, and every case with a file name of its own."""
    seen: dict[str, CaseEntry] = {}
    for entry in entries:
        first = seen.setdefault(entry.case_id.replace("/", "__").lower(), entry)
        if first is entry:
            continue
        found = (
            f"{entry.case_id} stands twice, in"
            if first.case_id == entry.case_id
            else f"{first.case_id} and {entry.case_id} would have one result file,"
        )
        raise StudyError(
            "STUDY-CASES", f"{found} lines {first.line} and {entry.line}", where=path.name
        )


def _require_columns(path: Path, columns: list[str], known: set[str]) -> None:
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in known]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if missing or unknown or twice:
        parts = [f"columns are missing: {', '.join(missing)}"] if missing else []
        parts += [f"columns are unknown: {', '.join(unknown)}"] if unknown else []
        parts += [f"columns stand twice: {', '.join(twice)}"] if twice else []
        raise StudyError(
            "STUDY-CASES",
            "; ".join(parts),
            where=path.name,
            hint=f"Known columns are {', '.join((*_REQUIRED, *sorted(known - set(_REQUIRED))))}.",
        )


def _entry(path: Path, line: int, row: dict[str, str | None], model: StudyModel) -> CaseEntry:
    cells = {
        key: unescape_cell((value or "").strip()) for key, value in row.items() if key is not None
    }
    where = f"{path.name}:{line}"
    if None in row:
        raise StudyError(
            "STUDY-CASES",
            "the row has more cells than there are columns",
            where=where,
            hint='A cell with a comma stands in quotes: "CT, thorax".',
        )
    for name in ("site_id", "subject_id", "timepoint", "role"):
        if not IDENTIFIER.match(cells[name]):
            raise StudyError(
                "STUDY-CASES",
                f"{name} is {cells[name]!r}: letters, digits, dot, dash and underscore only",
                where=where,
            )
    if cells["role"] not in model.roles:
        raise StudyError(
            "STUDY-CASES",
            f"the study has no role {cells['role']!r}",
            where=where,
            hint=f"Its roles are {', '.join(model.roles)}.",
        )
    if not cells["image"]:
        raise StudyError("STUDY-CASES", "a case names no image", where=where)
    _require_word(cells, "quantity", DECLARABLE, where)
    _require_word(cells, "other_frame_of_reference", ("true", "false"), where)
    return CaseEntry(
        line=line,
        site_id=cells["site_id"],
        subject_id=cells["subject_id"],
        timepoint=cells["timepoint"],
        role=cells["role"],
        images=_listed(cells["image"]),
        mask=cells["mask"],
        series_uid=cells.get("series_uid", ""),
        rois=_listed(cells.get("rois", "")),
        quantity=cells.get("quantity", "").lower(),
        other_frame_of_reference=cells.get("other_frame_of_reference", "").lower() == "true",
        form=_form(cells, where),
    )


def _require_word(cells: dict[str, str], name: str, words: tuple[str, ...], where: str) -> None:
    """Refuse a word that would silently mean its absence."""
    if cells.get(name) and cells[name].lower() not in words:
        raise StudyError(
            "STUDY-CASES",
            f"{name} is {cells[name]!r}, expected {', '.join(words)} or nothing",
            where=where,
        )


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _form(cells: dict[str, str], where: str) -> ClinicalForm | None:
    values = {name: cells[name] for name in ClinicalForm.model_fields if cells.get(name)}
    if not values:
        return None
    try:
        return ClinicalForm.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StudyError(
            "STUDY-CASES", f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where=where
        ) from error
