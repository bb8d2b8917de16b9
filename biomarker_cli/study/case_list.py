"""The list of cases of a study, as people save it from a spreadsheet.

A row that is wrong fails by itself, under its case id, and the others go on. Where
it cannot be told which case a row is, the whole list is refused with the line.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from sys import intern

from pydantic import ValidationError

from biomarker_cli.imaging.image_words import unused_word
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.file_names import file_stem
from biomarker_cli.model.quantity import DECLARABLE
from biomarker_cli.model.wording import quoted
from biomarker_cli.pet.rules import ClinicalForm
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import problem_text
from biomarker_cli.protocol.yaml_nodes import CONTROL
from biomarker_cli.protocol.yaml_source import read_text
from biomarker_cli.study.case_names import LONGEST_ID, problem_of_id
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.mask_sources import problem_of_link, with_sources
from biomarker_cli.tables.cells import unescape_cell

_IDS = ("site_id", "subject_id", "timepoint", "role")
_REQUIRED = (*_IDS, "image", "mask")
_OPTIONAL = (
    "series_uid",
    "rois",
    "quantity",
    "other_frame_of_reference",
    "mask_from",
    "registration",
)
_KNOWN = (*_REQUIRED, *_OPTIONAL, *ClinicalForm.model_fields)

MOST_BYTES = 20_000_000
"""Bytes of a list: some 100,000 cases."""

_LONGEST_NAME = 255
_LONGEST_PATH = 4095
_LONGEST_CELL = 100_000
"""Characters: another library may have told the reader of CSV to take any number."""

_SHOWN = 40
_SEPARATOR_LINE = re.compile(r"sep=(.)")

_Row = tuple[int, dict[str, str], str]
"""Line, cells by column, and why the row as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """One row of the list of cases; of 100,000 all stand in memory.

    Attributes
    ----------
    line : int
        Where it stands; rows that say the same have one representation wherever they stand.
    mask_from : str
        Id of the case whose mask is carried to the image.
    registration : tuple of str
        How: a protocol, the file of a transform, or both.
    refusal : CaseError or None
        Why the row cannot be used; what it says beside its ids is then left out.
    """

    line: int = field(repr=False)
    site_id: str
    subject_id: str
    timepoint: str
    role: str
    images: tuple[str, ...] = ()
    mask: str = ""
    series_uid: str = ""
    rois: tuple[str, ...] = ()
    quantity: str = ""
    other_frame_of_reference: bool = False
    form: ClinicalForm | None = None
    mask_from: str = ""
    registration: tuple[str, ...] = ()
    refusal: CaseError | None = None

    @property
    def case_id(self) -> str:
        """site/subject/timepoint/role."""
        return "/".join((self.site_id, self.subject_id, self.timepoint, self.role))


def read_cases(path: Path, roles: Sequence[str]) -> tuple[CaseEntry, ...]:
    """Read a list of cases.

    Parameters
    ----------
    path : Path
    roles : sequence of str
        Those that the study defines.

    Raises
    ------
    StudyError
        ``STUDY-CASES`` with the line.
    """
    if not path.is_file():
        raise StudyError("STUDY-CASES", f"no such list of cases: {path}")
    try:
        text = read_text(path, MOST_BYTES)
    except ProtocolError as error:
        hint = "Save it as CSV UTF-8." if error.hint else ""
        raise StudyError("STUDY-CASES", error.message, where=error.where, hint=hint) from error
    entries = tuple(_entry(path, row, roles) for row in _rows(path, text))
    _require_distinct(path, entries)
    return with_sources(entries, path.name)


def _rows(path: Path, text: str) -> Iterator[_Row]:
    """Yield the rows that are not empty."""
    # Strict: a quote that nobody closed would swallow the rows behind it.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            filled = [unescape_cell(cell.strip()) for cell in cells]
            if not any(filled) or (not columns and _is_separator(path, filled)):
                continue
            if not columns:
                columns = _columns(path, filled)
                continue
            _require_one_line(path, line, filled)
            yield line, *_by_column(columns, filled)
    except csv.Error as error:
        raise StudyError(
            "STUDY-CASES", f"no CSV: {error}", where=f"{path.name}:{begins}"
        ) from error
    if not columns:
        raise _no_list(path)


def _require_one_line(path: Path, line: int, cells: Sequence[str]) -> None:
    longest = max(map(len, cells))
    if longest > _LONGEST_CELL:
        raise StudyError(
            "STUDY-CASES",
            f"no CSV: a cell has {longest} characters, at most {_LONGEST_CELL}",
            where=f"{path.name}:{line}",
        )
    if any(set(cell) & {"\n", "\r"} for cell in cells):
        raise StudyError(
            "STUDY-CASES",
            "a cell runs over several lines",
            where=f"{path.name}:{line}",
            hint='Look for a quote (") that is not closed.',
        )


def _is_separator(path: Path, cells: Sequence[str]) -> bool:
    """Tell whether a first line is what spreadsheets write to say their separator."""
    said = _SEPARATOR_LINE.fullmatch(",".join(cells))
    if said and said[1] != ",":
        raise _other_separator(path, said[1])
    return said is not None


def _columns(path: Path, cells: Sequence[str]) -> list[str]:
    """Return the names of the columns: blanks and capitals do not matter; empty ones stay."""
    names = [cell.lower() for cell in cells]
    for separator in ";\t":
        if len(names) == 1 and separator in names[0]:
            if not {part.strip() for part in names[0].split(separator)} & set(_KNOWN):
                break
            raise _other_separator(path, separator)
    if not set(names) & set(_KNOWN):
        raise _no_list(path)
    while names and not names[-1]:
        names.pop()
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [cells[index] for index, name in enumerate(names) if name not in _KNOWN]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing or unknown or twice:
        parts = [f"columns are missing: {', '.join(missing)}"] if missing else []
        parts += [f"columns are unknown: {', '.join(map(_guessed, unknown))}"] if unknown else []
        parts += [f"columns stand twice: {', '.join(map(_shown, twice))}"] if twice else []
        raise StudyError(
            "STUDY-CASES",
            "; ".join(parts),
            where=f"{path.name}:1",
            hint=f"Known columns are {', '.join((*_REQUIRED, *sorted(_KNOWN[len(_REQUIRED) :])))}.",
        )
    return names


def _guessed(column: str) -> str:
    word = re.sub(r"[\s-]+", "_", column.lower())
    starting = [name for name in _KNOWN if word and name.startswith(word)]
    near = starting[:1] or get_close_matches(word, _KNOWN, n=1, cutoff=0.6)
    return f"{_shown(column)} (did you mean {near[0]}?)" if near else _shown(column)


def _shown(text: str) -> str:
    """Return a text of the file as messages show it: short, as a list has many of them."""
    return quoted(text, _SHOWN)


def _other_separator(path: Path, separator: str) -> StudyError:
    name = {";": "semicolons", "\t": "tabs"}.get(separator, repr(separator))
    return StudyError(
        "STUDY-CASES",
        f"the columns are separated by {name}, expected commas",
        where=f"{path.name}:1",
        hint="Save it as CSV with commas: a semicolon joins several paths in one cell.",
    )


def _no_list(path: Path) -> StudyError:
    # Whatever else it is: nothing of it is quoted.
    return StudyError(
        "STUDY-CASES",
        f"the file is no list of cases: its first line names none of {', '.join(_REQUIRED)}",
        where=f"{path.name}:1",
    )


def _by_column(columns: Sequence[str], cells: Sequence[str]) -> tuple[dict[str, str], str]:
    row = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
    surplus = [cell for cell in cells[len(columns) :] if cell]
    if not surplus:
        return row, ""
    return (
        row,
        'the row has more cells than there are columns: a comma stands in quotes, "CT, chest"',
    )


def _require_distinct(path: Path, entries: Sequence[CaseEntry]) -> None:
    """Every case once, and every case with a file name of its own."""
    seen: dict[str, CaseEntry] = {}
    for entry in entries:
        first = seen.setdefault(file_stem(entry.case_id).lower(), entry)
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


def _entry(path: Path, row: _Row, roles: Sequence[str]) -> CaseEntry:
    line, cells, surplus = row
    where = f"{path.name}:{line}"
    for name in _IDS:
        problem = problem_of_id(cells[name])
        if problem:
            found = f"{name} is {_shown(cells[name])}: {problem}"
            raise StudyError("STUDY-CASES", found, where=where)
    if cells["role"] not in roles:
        raise StudyError(
            "STUDY-CASES",
            f"the study has no role {_shown(cells['role'])}",
            where=where,
            hint=f"Its roles are {', '.join(roles)}.",
        )
    site, timepoint, role = (intern(cells[name]) for name in ("site_id", "timepoint", "role"))
    bare = CaseEntry(line, site, cells["subject_id"], timepoint, role)
    form, problem = _form(cells)
    problem = surplus or _problem_of_cells(cells, path.parent) or problem
    if problem:
        refusal = CaseError(
            "CASE-ENTRY-INVALID", problem, where=where, hint="Correct the row of the case."
        )
        return replace(bare, refusal=refusal)
    return replace(
        bare,
        images=listed(cells["image"]),
        mask=cells["mask"],
        series_uid=cells.get("series_uid", ""),
        rois=listed(cells.get("rois", "")),
        quantity=intern(cells.get("quantity", "").lower()),
        other_frame_of_reference=cells.get("other_frame_of_reference", "").lower() == "true",
        form=form,
        mask_from=cells.get("mask_from", ""),
        registration=listed(cells.get("registration", "")),
    )


def _problem_of_cells(cells: Mapping[str, str], folder: Path) -> str:
    """Return what is wrong with the cells of a row beside its ids; empty where nothing is."""
    for name in _IDS:
        if len(cells[name]) > LONGEST_ID:
            return f"{name} has {len(cells[name])} letters, at most {LONGEST_ID}"
    for name, cell in cells.items():
        found = CONTROL.search(cell)
        if found:
            return f"{name} holds the control character U+{ord(found[0]):04X}"
    return (
        _problem_of_paths(cells, folder)
        or _problem_of_words(cells)
        or _problem_of_image(cells)
        or problem_of_link(cells)
    )


def _problem_of_image(cells: Mapping[str, str]) -> str:
    images = map(Path, listed(cells["image"]))
    unused = unused_word(images, cells.get("series_uid", ""), cells.get("quantity") or None)
    return "" if unused is None else unused.message


def _problem_of_paths(cells: Mapping[str, str], folder: Path) -> str:
    if not listed(cells["image"]):
        return "the row names no image"
    for name in ("image", "mask", "registration"):
        for path in listed(cells.get(name, "")):
            if _cannot_exist(path):
                return f"{name} names a path that is too long for any file: {_shown(path)}"
            if _is_root(folder / path):
                return f"{name} names the root of the file system, below which lies all there is"
    return ""


def _problem_of_words(cells: Mapping[str, str]) -> str:
    for name, words in (
        ("quantity", DECLARABLE),
        ("other_frame_of_reference", ("true", "false")),
    ):
        # A word that nobody knows would silently mean its absence.
        if cells.get(name) and cells[name].lower() not in words:
            return f"{name} is {_shown(cells[name])}, expected {', '.join(words)} or nothing"
    return ""


def _cannot_exist(path: str) -> bool:
    parts = [len(part.encode()) for part in path.split("/")]
    return max(parts) > _LONGEST_NAME or len(path.encode()) > _LONGEST_PATH


def _is_root(path: Path) -> bool:
    """Tell whether a path is the root of the file system, however it is written."""
    try:
        # Links are followed by the system, in one call.
        return os.path.samestat(path.stat(), Path(path.anchor).stat())
    except (OSError, ValueError):  # links in a circle, or nothing: it is none
        return False


def listed(cell: str) -> tuple[str, ...]:
    """Return the paths or names that a cell joins by semicolons."""
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _form(cells: Mapping[str, str]) -> tuple[ClinicalForm | None, str]:
    """Return the values of the case report form, or what is wrong with them."""
    values = {name: cells[name] for name in ClinicalForm.model_fields if cells.get(name)}
    if not values:
        return None, ""
    try:
        return ClinicalForm.model_validate(values), ""
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        return None, f"{name} is {_shown(values.get(name, ''))}: {problem_text(first['msg'])}"
