"""Make a study of a batch file of pyradiomics: a CSV with the columns Image and Mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.importing import import_pyradiomics
from biomarker_cli.study.case_names import problem_of_given_id
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.initialise import require_writable
from biomarker_cli.study.new_files import exists, write_new
from biomarker_cli.study.proposing import absolute
from biomarker_cli.tables.cells import csv_text
from biomarker_cli.tables.columns import csv_columns

FURTHER_FILE = "batch_columns.csv"
"""The columns of the batch file that are none of a list of cases."""

_PATHS = {"Image": "image", "Mask": "mask"}
_CASE = ("site_id", "subject_id", "timepoint", "role", "image", "mask", "quantity")
_KEYS = _CASE[:4]
_DEFAULT_ANALYSIS = "pyradiomics-default"
_ANALYSIS_FILE = "analysis.yaml"


@dataclass(frozen=True)
class Batch:
    """What is told of a batch file.

    Attributes
    ----------
    path : Path
    quantity : str
        What the numbers of its images mean.
    parameters : Path or None
        Parameter file of pyradiomics; without one the defaults of the package.
    columns : mapping of str to str
        Columns of the file that hold ``subject_id``, ``timepoint`` or ``site_id``.
    """

    path: Path
    quantity: str
    parameters: Path | None
    columns: Mapping[str, str]


@dataclass(frozen=True)
class BatchReport:
    """What was written.

    Attributes
    ----------
    n_cases, n_subjects : int
    further : tuple of str
        Columns that were kept beside the list of cases.
    """

    n_cases: int
    n_subjects: int
    further: tuple[str, ...]


def study_of_batch(batch: Batch, output: Path) -> BatchReport:
    """Write study.yaml, cases.csv and what else a batch file says into a folder.

    Each image is a subject of its own unless a column says who it is. Further masks of
    an image, or images of a subject and timepoint, get roles of their own: image-2, ...

    Parameters
    ----------
    batch : Batch
    output : Path
        Folder of the study; made where it is not there.

    Raises
    ------
    StudyError
        ``STUDY-BATCH`` where it cannot be told which cases it means; ``OUTPUT-EXISTS``.
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-UNREADABLE``.
    RadiomicsRulesError
        ``RADIOMICS-IMPORT``.
    """
    cells = _cells(batch)
    rows = _case_rows(batch, cells, output)
    said = {*_PATHS, *batch.columns.values()}
    further = tuple(name for name in cells if name not in said)
    files = {
        "study.yaml": _study_text(batch, {row["role"]: None for row in rows}),
        "cases.csv": csv_text(_CASE, rows),
    }
    if batch.parameters is not None:
        files[_ANALYSIS_FILE] = _analysis_text(batch.parameters)
    if further:
        kept = [
            {key: row[key] for key in _KEYS} | {name: cells[name][place] for name in further}
            for place, row in enumerate(rows)
        ]
        files[FURTHER_FILE] = csv_text((*_KEYS, *further), kept)
    for name in files:
        if (output / name).exists():
            raise exists(output / name)
    require_writable(output)
    output.mkdir(parents=True, exist_ok=True)
    write_new({output / name: text.encode() for name, text in files.items()})
    return BatchReport(len(rows), len({row["subject_id"] for row in rows}), further)


def _cells(batch: Batch) -> dict[str, list[str]]:
    """Return the columns of the file, and refuse those that no study can be made of."""
    found = csv_columns(batch.path).texts
    wanted = [*_PATHS, *batch.columns.values()]
    missing = [name for name in wanted if name not in found]
    if missing:
        there = ", ".join(quoted(name) for name in found)
        raise _refusal(batch, 1, f"columns are missing: {', '.join(missing)}; it has {there}")
    taken = sorted(set(_KEYS) & set(found) - set(batch.columns.values()))
    if taken:
        raise _refusal(
            batch, 1, f"the column {taken[0]} is one of ours: name it with an option, or rename it"
        )
    cells = {n: [words[row].strip() for row in range(len(words))] for n, words in found.items()}
    if not cells["Image"]:
        raise _refusal(batch, 1, "the file lists no image")
    return cells


def _case_rows(batch: Batch, cells: Mapping[str, list[str]], output: Path) -> list[dict[str, str]]:
    subjects: dict[str, str] = {}
    taken: dict[tuple[str, ...], int] = {}
    rows = []
    for place, image in enumerate(cells["Image"]):
        line = place + 2
        for name in _PATHS:
            problem = _problem_of_path(cells[name][place])
            if problem:
                raise _refusal(batch, line, f"{name} {problem}")
        numbered = subjects.setdefault(image, f"S{len(subjects) + 1:04d}")
        row = {"site_id": "SITE", "subject_id": numbered, "timepoint": "T1"}
        for name, column in batch.columns.items():
            row[name] = cells[column][place]
            problem = problem_of_given_id(row[name])
            if problem:
                raise _refusal(batch, line, f"{column} is {quoted(row[name])}: {problem}")
        key = tuple(value.lower() for value in row.values())
        taken[key] = taken.get(key, 0) + 1
        row["role"] = "image" if taken[key] == 1 else f"image-{taken[key]}"
        for name, ours in _PATHS.items():
            row[ours] = _as_of_study(batch.path.parent / cells[name][place], output)
        rows.append(row | {"quantity": batch.quantity})
    return rows


def _problem_of_path(cell: str) -> str:
    if not cell:
        return "is empty"
    if ";" in cell:
        return f"is {quoted(cell)}: a list of cases joins several paths by a semicolon"
    if not cell.isprintable():
        return f"is {quoted(cell)}: no control characters"
    return ""


def _as_of_study(path: Path, output: Path) -> str:
    """Return a path as a list of cases says it: relative where it lies below the study."""
    whole, root = absolute(path), absolute(output)
    return str(whole.relative_to(root) if whole.is_relative_to(root) else whole)


def _analysis_text(parameters: Path) -> str:
    content = import_pyradiomics(parameters)
    for change in content["changelog"]:
        change["date"] = datetime.now(UTC).date().isoformat()
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _study_text(batch: Batch, roles: Mapping[str, None]) -> str:
    analysis = _ANALYSIS_FILE
    if batch.parameters is None:
        analysis = load_document(ProtocolKind.ANALYSIS, _DEFAULT_ANALYSIS).ident
    content = {
        "format": "biomarker-study/1",
        "id": "batch",
        "cases": "cases.csv",
        "roles": {role: {"analyses": [analysis]} for role in roles},
    }
    return yaml.safe_dump(content, sort_keys=False)


def _refusal(batch: Batch, line: int, message: str) -> StudyError:
    return StudyError(
        "STUDY-BATCH",
        message,
        where=f"{batch.path.name}:{line}",
        hint="Correct the batch file; nothing was written.",
    )
