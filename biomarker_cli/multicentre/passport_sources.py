"""From what was measured to rows of a passport: certificates, judgements, runs, checks.

=======================  ==========================================  ================
source                   what it is                                  test
=======================  ==========================================  ================
certificate of `verify`  JSON, a row for each suite                  verify
`phantom judge -o`       JSON, one row                               program
`repeatability -o`       repeatability.json, RC and wCV of features  repeatability
folder of a run          features that end in ``_pass``              dwi_phantom
`check -o` of a phantom  checks.csv of a protocol such as            pet_phantom
                         earl-1-phantom, a row for each rule
=======================  ==========================================  ================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import are_shifted
from biomarker_cli.model.study_dates import STUDY_DATE, study_day
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.phantoms.report import FORMAT as JUDGEMENT
from biomarker_cli.multicentre.repeatability_table import FORMAT as REPEATABILITY
from biomarker_cli.tables.cells import number_of
from biomarker_cli.tables.certificates import FORMAT as CERTIFICATE
from biomarker_cli.tables.errors import PassportError
from biomarker_cli.tables.limits import PASS_SUFFIX, judged
from biomarker_cli.tables.passport_row import PassportRow
from biomarker_cli.tables.passports import TEST_NAME, day_of
from biomarker_cli.tables.reading import read_cells
from biomarker_cli.tables.schema import CASES, FACTS, MEASUREMENTS, Table
from biomarker_cli.tables.sealed_files import read_sealed

LOCAL_SITE = "local"
"""Site of a case that `extract` measured: it names no centre."""

_PHANTOM_PROTOCOL = "-phantom"
_NOT_JUDGED = frozenset({"not_evaluable", "missing_series"})
_STATISTICS = MappingProxyType({"RC": "", "wCV": "%"})
"""Statistics of repeatability that are kept; an empty unit is that of the feature."""

MOST_BYTES = 100_000_000


@dataclass(frozen=True)
class StatedEntry:
    """What a person says of a source; empty where the source says it.

    Attributes
    ----------
    site, day, device, test : str
    """

    site: str = ""
    day: str = ""
    device: str = ""
    test: str = ""


def passport_rows(path: Path, stated: StatedEntry) -> list[PassportRow]:
    """Return what a source says of a site.

    Parameters
    ----------
    path : Path
        A file or folder of the table above.
    stated : StatedEntry

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    PassportError
        ``PASSPORT-SOURCE`` where it is none of these, was edited, or tells nothing that a
        passport holds; ``PASSPORT-UNSAID`` where neither it nor the person tells site or day.
    """
    if not path.exists():
        raise InputNotFoundError(
            "PATH-NOT-FOUND", f"no such file or folder: {path}", hint="Check the spelling."
        )
    if path.is_dir():
        found, digested = list(_of_run(path)), path / MEASUREMENTS.file_name
    elif path.suffix.casefold() == ".csv":
        found, digested = list(_of_checks(path)), path
    else:
        found, digested = list(_of_json(path)), path
    if not found:
        raise _no_source(path, "it holds nothing that a passport takes up")
    sha256 = hashlib.sha256(digested.read_bytes()).hexdigest()
    rows = [replace(row, source=path.name, source_sha256=sha256) for row in found]
    return [_completed(row, stated, path) for row in rows]


def _completed(row: PassportRow, stated: StatedEntry, path: Path) -> PassportRow:
    """Return a row with what a person says of it, which must not contradict the source."""
    for name, own, value in (
        ("site_id", row.site_id, stated.site),
        ("date", row.date, stated.day),
    ):
        if value and own and value != own:
            raise PassportError(
                "PASSPORT-SOURCE",
                f"{name} is {quoted(own, 60)} there and {quoted(value, 60)} as it was said",
                where=str(path),
                hint="Leave out what the source tells itself.",
            )
    row = replace(
        row,
        site_id=row.site_id or stated.site,
        date=row.date or stated.day,
        # A person may name the device, or the test, better than the source does.
        device=stated.device or row.device,
        test=stated.test or row.test,
    )
    for name, option in (("site_id", "--site"), ("date", "--date")):
        if not getattr(row, name):
            raise PassportError(
                "PASSPORT-UNSAID",
                f"nothing tells the {name} of what was measured",
                where=str(path),
                hint=f"Say it with {option}.",
            )
    if day_of(row.date) is None:
        raise PassportError(
            "PASSPORT-UNSAID",
            f"the day of measuring is {quoted(row.date, 60)}, expected YYYY-MM-DD",
            where=str(path),
            hint="Say it with --date.",
        )
    if not TEST_NAME.fullmatch(row.test):
        raise PassportError(
            "PASSPORT-SOURCE",
            f"the test is called {quoted(row.test, 60)}, expected small letters, digits and _",
            where=str(path),
        )
    return row


def _no_source(path: Path, problem: str) -> PassportError:
    return PassportError(
        "PASSPORT-SOURCE",
        problem,
        where=str(path),
        hint="Sources are certificates of `verify`, judgements of `phantom judge -o`, "
        "repeatability.json, folders of runs of a phantom analysis, and `check -o` tables of a "
        "phantom protocol.",
    )


def _of_json(path: Path) -> Iterator[PassportRow]:
    if path.stat().st_size > MOST_BYTES:
        raise _no_source(path, f"larger than {MOST_BYTES // 1_000_000} MB")
    try:
        form = json.loads(path.read_bytes()).get("format")
    except (ValueError, AttributeError, RecursionError) as error:
        raise _no_source(path, "it is no JSON of ours") from error
    reader = _JSON_READERS.get(form) if isinstance(form, str) else None
    if reader is None:
        raise _no_source(path, f"its format is {quoted(form, 60)}")
    content = read_sealed(path, str(form))
    if content is None:
        raise _no_source(path, "it was edited after it was written: its digest does not fit")
    try:
        yield from reader(content)
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise _no_source(path, f"a part of it is of another form: {error}") from error


def _of_certificate(content: Mapping[str, Any]) -> Iterator[PassportRow]:
    installation = content["installation"]
    version = installation["software"]["biomarker"]
    for suite in content["suites"]:
        if suite["n_checks"]:
            yield PassportRow(
                site_id="",
                test="verify",
                device=f"biomarker {version}",
                date=str(content["created"])[:10],
                quantity=f"suite {suite['name']}: checks out of tolerance",
                value=float(suite["n_out_of_tolerance"]),
                unit="1",
                outcome="fail" if suite["n_out_of_tolerance"] else "pass",
            )


def _of_judgement(content: Mapping[str, Any]) -> Iterator[PassportRow]:
    info = content["info"]
    device = " ".join(filter(None, (info.get("program"), info.get("version"))))
    rows = content["rows"]
    passed = sum(row["outcome"] == "pass" for row in rows)
    failed = sum(row["outcome"] in {"fail", "unreadable"} for row in rows)
    if passed + failed:
        yield PassportRow(
            site_id="",
            test="program",
            device=device,
            date=str(info.get("date", "")),
            quantity=f"{content['phantom']}: numbers out of tolerance",
            value=float(failed),
            unit="1",
            outcome="pass" if content["passed"] else "fail",
        )


def _of_repeatability(content: Mapping[str, Any]) -> Iterator[PassportRow]:
    sites = content["conditions"].get("sites", [])
    if len(sites) > 1:
        raise PassportError(
            "PASSPORT-SOURCE",
            f"the repeatability is of several sites: {quoted(', '.join(sites), 200)}",
            hint="Measure that of each site by itself: `biomarker repeatability` on its run.",
        )
    scanners = " and ".join(content["conditions"].get("scanners", []))
    for entry in content["features"]:
        for name, unit in _STATISTICS.items():
            estimate = entry.get(name)
            if estimate is not None:
                where = " ".join(filter(None, (entry["role"], entry["roi_id"])))
                yield PassportRow(
                    site_id="",
                    test="repeatability",
                    device=scanners,
                    date="",
                    quantity=f"{where} {entry['feature_id']} {name}".strip(),
                    value=float(estimate[0]),
                    unit=unit or str(entry["unit"]),
                    outcome="recorded",
                )


_JSON_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[PassportRow]]]
_JSON_READERS = MappingProxyType(
    {
        CERTIFICATE: _of_certificate,
        JUDGEMENT: _of_judgement,
        REPEATABILITY: _of_repeatability,
    }
)


def _of_run(folder: Path) -> Iterator[PassportRow]:
    """Yield what a phantom analysis judged, and the number beside each judgement."""
    rows = _of_schema(folder, MEASUREMENTS)
    cases = {case["case_id"]: case for case in _of_schema(folder, CASES)}
    days = _days(folder)
    values = {(r["case_id"], r["roi_id"], r["analysis_id"], r["feature_id"]): r for r in rows}
    for row in rows:
        try:
            holds = judged(row)
        except ValueError as error:
            raise _no_source(
                folder, f"a value of measurements.csv is no number: {error}"
            ) from error
        if holds is None:
            continue
        case = cases.get(row["case_id"])
        if case is None:
            raise _no_source(folder, f"cases.csv has no row for {quoted(row['case_id'], 80)}")
        feature = row["feature_id"].removesuffix(PASS_SUFFIX)
        own = values.get((row["case_id"], row["roi_id"], row["analysis_id"], feature))
        site = case["site_id"]
        yield PassportRow(
            site_id="" if site == LOCAL_SITE else site,
            test="dwi_phantom",
            device=" ".join(filter(None, (case["manufacturer"], case["model"]))),
            date=days.get(row["case_id"], ""),
            quantity=f"{row['case_id']} {row['roi_id']} {feature}",
            value=number_of(own["value"]) if own is not None else None,
            unit=own["unit"] if own is not None else "",
            outcome="pass" if holds else "fail",
        )


def _days(folder: Path) -> dict[str, str]:
    """Return the day of each case by its StudyDate; none of several, or where it was moved."""
    told: dict[str, set[str]] = {}
    for fact in _of_schema(folder, FACTS):
        if fact["fact"] == DATES_MODIFIED and are_shifted(fact["value"]):
            told.setdefault(fact["case_id"], set()).add("")
        if fact["fact"] == STUDY_DATE:
            told.setdefault(fact["case_id"], set()).add(fact["value"])
    return {case: _day(*days) for case, days in told.items() if len(days) == 1}


def _day(study_date: str) -> str:
    day = study_day(study_date)
    return day.isoformat() if day is not None else ""


def _of_checks(path: Path) -> Iterator[PassportRow]:
    """Yield the rules of a phantom protocol that were judged; none of error level may be open."""
    names = ("protocol_id", "protocol_version", "rule_id", "severity")
    rows = _table(path, (*names, "outcome", "observed", "unit"))
    for row in rows:
        if not row["protocol_id"].endswith(_PHANTOM_PROTOCOL):
            raise _no_source(
                path,
                f"{quoted(row['protocol_id'], 60)} is the protocol of no phantom: its name does "
                f"not end in {_PHANTOM_PROTOCOL}",
            )
    _require_judged(path, rows)
    for row in rows:
        if row["outcome"] in {"pass", "fail"}:
            value = number_of(row["observed"])
            yield PassportRow(
                site_id="",
                test="pet_phantom",
                date="",
                quantity=f"{row['protocol_id']}@{row['protocol_version']} {row['rule_id']}",
                value=value,
                unit=row["unit"] if value is not None else "",
                outcome=row["outcome"],
            )


def _require_judged(path: Path, rows: list[dict[str, str]]) -> None:
    """Refuse a check in which nobody measured the phantom: its header alone proves nothing."""
    is_open = [
        row["rule_id"]
        for row in rows
        if row["outcome"] in _NOT_JUDGED and row["severity"] == "error"
    ]
    if is_open:
        raise PassportError(
            "PASSPORT-SOURCE",
            f"{counted(len(is_open), 'rule')} of error level could not be judged, "
            f"the first is {quoted(is_open[0], 60)}",
            where=str(path),
            hint="Hand in what was measured: `biomarker suv-explain PATH --phantom SHEET -o FILE`, "
            "then `biomarker check ... --measured FILE`; a rule that cannot be met is waived.",
        )


def _of_schema(folder: Path, table: Table) -> list[dict[str, str]]:
    return _table(folder / table.file_name, table.column_names)


def _table(path: Path, names: tuple[str, ...]) -> list[dict[str, str]]:
    frame = read_cells(path)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise _no_source(path, f"columns are missing: {', '.join(missing)}")
    columns = [frame[name].tolist() for name in names]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]
