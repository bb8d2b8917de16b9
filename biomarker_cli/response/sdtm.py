"""Response tables in the shape of SDTM: TU, TR and RS, for whom submits them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from biomarker_cli.model.outputs import replace_file
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import LedgerRow
from biomarker_cli.response.sdtm_tables import ABSENT, COLUMNS, RS, TR, TU
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.packaged import PackagedTable, read_package
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import table_lines, write_lines

Row = dict[str, Any]
Cells = Mapping[str, str]

_TEST_NAMES = MappingProxyType(
    {
        "TUMIDENT": "Tumor Identification",
        "TUSPLIT": "Tumor Split",
        "TUMERGE": "Tumor Merged",
        "LDIAM": "Longest Diameter",
        "LPERP": "Longest Perpendicular",
        "SUMDIAM": "Sum of Diameter",
        "TUMSTATE": "Tumor State",
        "LNSTATE": "Lymph Node State",
        "TRGRESP": "Target Response",
        "NTRGRESP": "Non-target Response",
        "NEWLIND": "New Lesion Indicator",
        "OVRLRESP": "Overall Response",
    }
)

_ROLES = MappingProxyType({"target": "TARGET", "non_target": "NON-TARGET", "new": "NEW"})

_NON_TARGET = MappingProxyType(
    {
        "cr": "CR",
        "non_cr_non_pd": "NON-CR/NON-PD",
        "increased": "NON-CR/NON-PD",
        "unchanged": "NON-CR/NON-PD",
        "present": "NON-CR/NON-PD",
        "pd": "PD",
        "ne": "NE",
    }
)
"""`none` has no row: there is nothing to respond."""

_NEW = MappingProxyType({"yes": "Y", "no": "N", "equivocal": "EQUIVOCAL"})

_STATES = MappingProxyType(
    {
        "present": "PRESENT",
        "measured": "PRESENT",
        "equivocal": "EQUIVOCAL",
        "too_small": "PRESENT",
        "absent": "ABSENT",
        "non_cr_non_pd": "PRESENT",
        "unchanged": "PRESENT",
        "increased": "PRESENT",
        "pd": "UNEQUIVOCAL PROGRESSION",
    }
)

NODE_MM = 10.0
"""A node below it is not pathological (RECIST 1.1, 4.3.2)."""

_STUDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,19}")

_LONGEST_TEXT = 200
"""Characters of a value (SDTM Implementation Guide)."""


@dataclass(frozen=True)
class SdtmTerms:
    """What our tables do not say.

    Attributes
    ----------
    study : str
        STUDYID.
    criterion : str
        Id, or id@version, of the rows; empty where there is one.
    evaluator : str
        Word of --EVAL; empty for a sponsor to fill in.
    """

    study: str
    criterion: str = ""
    evaluator: str = ""


def sdtm_rows(
    folder: Path, terms: SdtmTerms, ledger: Sequence[LedgerRow] = ()
) -> dict[Table, list[Row]]:
    """Return the rows of TU, TR and RS, and what their columns hold.

    Parameters
    ----------
    folder : Path
        With ``response.csv`` and ``lesions_over_time.csv``, as they were written.
    terms : SdtmTerms
    ledger : sequence of LedgerRow
        Its lesions that are no targets get rows.

    Raises
    ------
    ResponseError
        ``SDTM-NO-RESPONSE``, ``SDTM-CRITERION``, ``SDTM-STUDY``, ``SDTM-TEXT``.
    TableError
        As `read_package` does; ``TABLE-CHANGED``.
    """
    if not _STUDY.fullmatch(terms.study):
        raise ResponseError(
            "SDTM-STUDY",
            f"expected a study id of 1 to 20 letters, digits, _ and -, found {terms.study!r}",
        )
    package = read_package(folder)
    if not {"response", "lesions_over_time"} <= package.keys():
        raise ResponseError(
            "SDTM-NO-RESPONSE",
            "the folder holds no response.csv and lesions_over_time.csv",
            where=str(folder),
            hint="Name a folder that `biomarker response -o` wrote.",
        )
    visits, criterion = _of_criterion(list(_cells(package["response"])), terms.criterion, folder)
    lesions = [
        row
        for row in _cells(package["lesions_over_time"])
        if criterion in row["criteria"].split(";")
    ]
    days = {(row["subject_id"], row["reader"], row["timepoint"]): row["day"] for row in visits}
    persons = [row for row in ledger if row.role == "non_target"]
    found = {
        TU: [*_identified(lesions), *_identified_by_person(persons, days)],
        TR: [*_measured(lesions, criterion), *_sums(visits), *_judged_by_person(persons, days)],
        RS: list(_responses(visits)),
    }
    tables = {table: _finished(table, rows, terms) for table, rows in found.items()}
    return {**tables, COLUMNS: column_rows()}


def _cells(table: PackagedTable) -> Iterator[Cells]:
    table.require_unchanged()
    yield from table.named_rows()


def _of_criterion(rows: list[Cells], wanted: str, folder: Path) -> tuple[list[Cells], str]:
    """Return the visits that were called by one criterion, and which one."""
    there = sorted({row["criterion"] for row in rows})
    named = [one for one in there if wanted in {"", one, one.partition("@")[0]}]
    if len(named) != 1:
        what = "no criterion is" if wanted and not named else f"{len(named)} criteria are"
        raise ResponseError(
            "SDTM-CRITERION",
            f"expected one criterion, {what} {wanted or 'there'}: {', '.join(there) or 'none'}",
            where=str(folder),
            hint="Name one with --criterion.",
        )
    judged = [r for r in rows if r["criterion"] == named[0] and not r["error_code"]]
    return judged, named[0]


def _place(row: Cells) -> Row:
    """Return who, when and by whom, under our own names until the table is known."""
    return {
        "subject": row["subject_id"],
        "reader": row["reader"],
        "VISIT": row["timepoint"],
        "day": row["day"],
    }


def _identified(lesions: Iterable[Cells]) -> Iterator[Row]:
    """Yield each lesion at its first visit, and each split and merge."""
    seen: set[tuple[str, ...]] = set()
    for row in sorted(lesions, key=_in_time):
        lesion = (row["subject_id"], row["reader"], row["role"], row["lesion_id"])
        role = _ROLES[row["role"]]
        head = _place(row) | {"TUORRES": role, "TUSTRESC": role, "TULOC": row["organ"]}
        if lesion not in seen:
            seen.add(lesion)
            yield head | {"TULNKID": row["lesion_id"], "TUTESTCD": "TUMIDENT"}
        parts = [part for part in row["parts"].split(";") if part]
        # Fragments are named after their lesion; merged lesions by their own names.
        split = all(part.startswith(f"{row['lesion_id']}.") for part in parts)
        for part in parts if split else ():
            if (*lesion, part) not in seen:
                seen.add((*lesion, part))
                yield head | {"TULNKID": part, "TUTESTCD": "TUSPLIT"}
        # Each of them has a row that names them all.
        merged = (row["subject_id"], row["reader"], "merged", *sorted(parts))
        if parts and not split and merged not in seen:
            seen.add(merged)
            yield head | {"TULNKID": "/".join(parts), "TUTESTCD": "TUMERGE"}


def _in_time(row: Cells) -> tuple[str, str, int, str]:
    return row["subject_id"], row["reader"], int(row["day"]), row["lesion_id"]


def _identified_by_person(rows: Iterable[LedgerRow], days: Mapping[Any, str]) -> Iterator[Row]:
    seen: set[tuple[str, ...]] = set()
    for row in sorted(rows, key=lambda one: int(days.get(_visit_of(one), 0))):
        lesion = (row.subject_id, row.reader, row.lesion_id)
        if lesion not in seen and _visit_of(row) in days:
            seen.add(lesion)
            yield {
                **_place_of_person(row, days),
                "TULNKID": row.lesion_id,
                "TUTESTCD": "TUMIDENT",
                "TUORRES": "NON-TARGET",
                "TUSTRESC": "NON-TARGET",
                "TULOC": row.organ,
            }


def _visit_of(row: LedgerRow) -> tuple[str, str, str]:
    return row.subject_id, row.reader, row.timepoint


def _place_of_person(row: LedgerRow, days: Mapping[Any, str]) -> Row:
    return {
        "subject": row.subject_id,
        "reader": row.reader,
        "VISIT": row.timepoint,
        "day": days[_visit_of(row)],
    }


def _measured(lesions: Iterable[Cells], criterion: str) -> Iterator[Row]:
    by_size = criterion.partition("@")[0] in {"recist-1.1", "irecist"}
    for row in lesions:
        head = {
            **_place(row),
            "TRGRPID": _ROLES[row["role"]],
            "TRLNKID": row["lesion_id"],
            "TRLNKGRP": row["timepoint"],
        }
        is_node = row["is_node"] == "true"
        if row["unit"] not in {"", "mm", "mm2"}:
            continue
        names = {"LPERP" if is_node else "LDIAM": row["value"]}
        if row["unit"] == "mm2":
            names = {"LDIAM": row["longest"], "LPERP": row["short"]}
        if row["state"] in {"missing", "not_evaluable"} or not row["value"]:
            for name in names if row["role"] == "target" else ():
                why = row["reason"] or row["state"]
                yield head | {"TRTESTCD": name, "TRSTAT": "NOT DONE", "TRREASND": why.upper()}
            if row["role"] == "new":
                yield head | _state("TUMSTATE", _STATES.get(row["state"], "PRESENT"))
            continue
        for name, value in names.items():
            yield head | _size(name, value, is_small=row["state"] == "too_small")
        if float(row["value"]) == 0:
            yield head | _state("TUMSTATE", "ABSENT")
        elif is_node and by_size:
            small = float(row["value"]) < NODE_MM
            yield head | _state("LNSTATE", "NON-PATHOLOGICAL" if small else "PATHOLOGICAL")


def _size(name: str, value: str, *, is_small: bool = False) -> Row:
    number = float(value)
    text = f"{number:g}"
    return {
        "TRTESTCD": name,
        "TRORRES": "TOO SMALL TO MEASURE" if is_small else text,
        "TRORRESU": "" if is_small else "mm",
        "TRSTRESC": text,
        "TRSTRESN": number,
        "TRSTRESU": "mm",
    }


def _state(name: str, word: str) -> Row:
    return {"TRTESTCD": name, "TRORRES": word, "TRSTRESC": word}


def _sums(visits: Iterable[Cells]) -> Iterator[Row]:
    for row in visits:
        if row["unit"] == "mm" and row["value"] and int(row["n_targets"] or 0):
            head = {"TRGRPID": "TARGET", "TRLNKID": "", "TRLNKGRP": row["timepoint"]}
            yield _place(row) | head | _size("SUMDIAM", row["value"])


def _judged_by_person(rows: Iterable[LedgerRow], days: Mapping[Any, str]) -> Iterator[Row]:
    for row in rows:
        if _visit_of(row) not in days:
            continue
        head = {
            **_place_of_person(row, days),
            "TRGRPID": "NON-TARGET",
            "TRLNKID": row.lesion_id,
            "TRLNKGRP": row.timepoint,
        }
        if row.state in _STATES:
            yield head | _state("TUMSTATE", _STATES[row.state])
        else:
            why = row.reason or row.state
            yield head | {"TRTESTCD": "TUMSTATE", "TRSTAT": "NOT DONE", "TRREASND": why.upper()}


def _responses(visits: Iterable[Cells]) -> Iterator[Row]:
    for row in visits:
        if not row["overall"]:
            continue  # the baseline, which is no response
        words = {
            "TRGRESP": "" if row["target"] == "none" else row["target"],
            "NTRGRESP": _NON_TARGET.get(row["non_target"], ""),
            "NEWLIND": _NEW.get(row["new_lesion"], ""),
            "OVRLRESP": row["overall"],
        }
        head = _place(row) | {"RSLNKGRP": row["timepoint"], "RSCAT": row["criterion"]}
        for name, word in words.items():
            if word:
                yield head | {"RSTESTCD": name, "RSORRES": word, "RSSTRESC": word}


def _finished(table: Table, rows: Iterable[Row], terms: SdtmTerms) -> list[Row]:
    """Return rows under the names of their domain, numbered within each subject."""
    name = table.name.upper()
    finished = []
    for row in rows:
        day = int(row.pop("day"))
        reader, subject = row.pop("reader"), row.pop("subject")
        test = row[f"{name}TESTCD"]
        finished.append(
            {
                "STUDYID": terms.study,
                "DOMAIN": name,
                "USUBJID": f"{terms.study}-{subject}",
                f"{name}TEST": _TEST_NAMES[test],
                f"{name}EVAL": terms.evaluator,
                f"{name}EVALID": reader,
                # The day of the reference date is day 1, and the one before it is day -1.
                f"{name}DY": day + 1 if day >= 0 else day,
                **row,
            }
        )
    finished.sort(key=lambda row: tuple(row.get(column, "") for column in table.key))
    numbers: dict[str, int] = defaultdict(int)
    for row in finished:
        numbers[row["USUBJID"]] += 1
        row[f"{name}SEQ"] = numbers[row["USUBJID"]]
        _require_short(row)
    return finished


def _require_short(row: Row) -> None:
    for name, value in row.items():
        if isinstance(value, str) and len(value) > _LONGEST_TEXT:
            raise ResponseError(
                "SDTM-TEXT",
                f"{name} has {len(value)} characters, at most {_LONGEST_TEXT} are held: "
                f"{value[:40]!r}...",
                where=f"{row['USUBJID']} {row['VISIT']}",
                hint="Shorten the reason in the ledger or the table, and judge again.",
            )


def column_rows() -> list[Row]:
    """Return what each variable holds."""
    return [
        {
            "dataset": table.name,
            "variable": column.name,
            "label": column.description,
            "type": "Num" if column.type in {"integer", "number"} else "Char",
            "words": ";".join(column.values),
        }
        for table in (TU, TR, RS)
        for column in table.columns
    ]


def write_sdtm(rows: Mapping[Table, list[Row]], folder: Path) -> None:
    """Write the tables, their data package, and what a sponsor must add."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, found in rows.items():
        # In the order of time, which that of the texts is not.
        write_lines(table, (table_lines(table, [row]) for row in found), folder)
    write_datapackage(rows, folder, "sdtm")
    text = "What these tables do not hold\n\n" + "".join(f"- {line}\n" for line in ABSENT)
    replace_file(folder / "to_add.txt", text.encode())
