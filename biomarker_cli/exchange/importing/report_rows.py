"""Turn measurement groups of structured reports into rows that `compare` takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from biomarker_cli.exchange.importing.report_content import (
    Concept,
    ReportContent,
    ReportGroup,
    ReportNumber,
)
from biomarker_cli.exchange.results.measurement_codes import OWN_SCHEME
from biomarker_cli.model.flags import FLAGS, join_flags, split_flags
from biomarker_cli.model.quantity import QUANTITIES
from biomarker_cli.model.usability import DEFAULT_POLICY, USABLE_WORDS

IMPORTED_STUDY = "import"
"""Site of cases whose report does not say which case of ours they are."""

_Said = tuple[tuple[Concept, str | Concept], ...]

_TRACKING_ID = ("112039", "DCM")
_TRACKING_UID = ("112040", "DCM")
_ALGORITHM = ("111001", "DCM")
_VERSION = ("111003", "DCM")
_PARAMETERS = ("111002", "DCM")
_TIMEPOINT = frozenset({("C2348792", "UMLS"), ("126070", "DCM")})
_DERIVATION = ("121401", "DCM")
_FINDING = ("121071", "DCM")

_STATISTICS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("373098007", "SCT"): "mean",
        ("R-00317", "SRT"): "mean",
        ("373099004", "SCT"): "median",
        ("R-00319", "SRT"): "median",
        ("255605001", "SCT"): "min",
        ("R-404FB", "SRT"): "min",
        ("56851009", "SCT"): "max",
        ("G-A437", "SRT"): "max",
        ("386136009", "SCT"): "sd",
        ("R-10047", "SRT"): "sd",
    }
)
"""Derivations of CID 7464, in SNOMED CT and in the SNOMED RT of older reports."""

_LONG_NAMES = MappingProxyType({"min": "minimum", "max": "maximum"})
"""What statistics are called in the family ``intensity``."""

_OLD_SUV_UNIT = re.compile(r"\{(SUV\w+)\}g/ml")
_CASE_ID = re.compile(r"[^/\\]{1,64}(/[^/\\]{1,64}){3}")
_FEATURE_ID = re.compile(r"[\w+-]+(\.[\w+-]+)+")
_WORD = re.compile(r"[^\w.+-]+")

Row = dict[str, Any]


def report_rows(report: ReportContent) -> list[Row]:
    """Return a row for each number of a report.

    A feature keeps the id that the report gives it (ours do), is the statistic of ours
    that its codes say, or is named by its codes. Names that meet twice are numbered.

    Parameters
    ----------
    report : ReportContent

    Returns
    -------
    list of dict
        By the columns of `imported_table.IMPORTED`.
    """
    rows: list[Row] = []
    met: Counter[tuple[str, ...]] = Counter()
    rois = _RoiNames()
    for place, group in enumerate(report.groups, start=1):
        about_group = _about(group, report, rois.of(group, place))
        for number in group.numbers:
            row = about_group | _number(number, group)
            key = tuple(row[name] for name in ("case_id", "roi_id", "analysis_id", "feature_id"))
            met[key] += 1
            if met[key] > 1:
                row["feature_id"] = f"{row['feature_id']}#{met[key]}"
            rows.append(row)
    return rows


class _RoiNames:
    """Names each finding once: two of one name and different UIDs stay two."""

    def __init__(self) -> None:
        self._name_of: dict[tuple[str, str], str] = {}
        self._taken: Counter[str] = Counter()

    def of(self, group: ReportGroup, place: int) -> str:
        name, uid = _first(group.said, _TRACKING_ID), _first(group.said, _TRACKING_UID)
        name = name or _meaning(group.said, _FINDING) or f"group_{place}"
        if not uid:
            # Nothing says that two such groups are of one finding.
            uid = f"group {place}" if not _first(group.said, _TRACKING_ID) else ""
        if (name, uid) not in self._name_of:
            self._taken[name] += 1
            n = self._taken[name]
            self._name_of[name, uid] = name if n == 1 else f"{name}#{n}"
        return self._name_of[name, uid]


def _about(group: ReportGroup, report: ReportContent, roi_id: str) -> Row:
    parameters = _parameters(group.said)
    case_id = parameters.get("case_id", "")
    if not _CASE_ID.fullmatch(case_id):
        timepoints = (text for key in _TIMEPOINT if (text := _first(group.said, key)))
        timepoint = _slug(next(timepoints, "")) or "T1"
        case_id = f"{IMPORTED_STUDY}/{_slug(report.study_uid) or 'unknown'}/{timepoint}/sr"
    return {
        "case_id": case_id,
        "roi_id": roi_id,
        "tracking_uid": _first(group.said, _TRACKING_UID),
        "source_sop_uid": report.sop_instance_uid,
    }


def _number(number: ReportNumber, group: ReportGroup) -> Row:
    parameters = _parameters(number.said)
    flags = frozenset(
        flag for flag in split_flags(parameters.get("flags", "")) if flag.partition(":")[0] in FLAGS
    )
    status = "ok" if number.value is not None else "failed" if number.problem else "undefined"
    unit = _OLD_SUV_UNIT.sub(r"g/ml{\1}", number.unit)
    derivation = _code(number.said, _DERIVATION)
    return {
        "analysis_id": _analysis(number, group),
        "feature_id": _feature(number, unit, derivation, parameters.get("feature_id", "")),
        "value": number.value,
        "unit": unit,
        "status": status,
        "flags": join_flags(flags),
        "usable": _usable(status, flags, parameters.get("usable", "")),
        "concept": _written(number.name),
        "derivation": _written(derivation) if derivation else "",
        "problem": number.problem,
    }


def _usable(status: str, flags: frozenset[str], said: str) -> str:
    """Return what may be pooled: the worse of what the report says and what its flags weigh.

    Of a report that says nothing, how a number was measured is not known: caution.
    """
    order = ("yes", "caution", "no")
    found = [DEFAULT_POLICY.usable(status, flags), said if said in USABLE_WORDS else "caution"]
    return max(found, key=order.index)


def _analysis(number: ReportNumber, group: ReportGroup) -> str:
    """Return ``id@version``: what the report says, or the program that measured."""
    said = _parameters(group.said).get("analysis_id", "")
    name, _, version = said.partition("@")
    if _slug(name) == name and _slug(version) == version and name and version:
        return said
    for where in (number.said, group.said):
        name, version = _slug(_first(where, _ALGORITHM)), _slug(_first(where, _VERSION))
        if name:
            return f"{name}@{version or 'unknown'}"
    return "unknown@unknown"


def _feature(number: ReportNumber, unit: str, derivation: Concept | None, said: str) -> str:
    if _FEATURE_ID.fullmatch(said):
        return said
    statistic = _STATISTICS.get(derivation.key) if derivation else None
    for quantity in QUANTITIES.values():
        is_it = number.name.key == (quantity.dicom_code, "DCM") and unit == quantity.unit
        if is_it and quantity.dicom_code and statistic:
            if quantity.name.startswith("su"):
                return f"{quantity.name}.uptake.{statistic}"
            return f"{quantity.name}.intensity.{_LONG_NAMES.get(statistic, statistic)}"
    if number.name.scheme == OWN_SCHEME and _FEATURE_ID.fullmatch(number.name.value):
        return number.name.value
    parts = [number.name.scheme, number.name.value]
    if derivation:
        parts.append(statistic or f"{derivation.scheme}_{derivation.value}")
    # The points part the words of a feature id.
    return ".".join(["sr", *(_slug(part).replace(".", "_").lower() or "unknown" for part in parts)])


def _first(said: _Said, key: tuple[str, str]) -> str:
    return next((one for name, one in said if name.key == key and isinstance(one, str)), "")


def _code(said: _Said, key: tuple[str, str]) -> Concept | None:
    found = (one for name, one in said if name.key == key and isinstance(one, Concept))
    return next(found, None)


def _meaning(said: _Said, key: tuple[str, str]) -> str:
    code = _code(said, key)
    return code.meaning if code else ""


def _parameters(said: _Said) -> dict[str, str]:
    """Return the parameters of an algorithm that are written ``name=value``."""
    return dict(_pairs(one for name, one in said if name.key == _PARAMETERS))


def _pairs(texts: Iterable[str | Concept]) -> Iterator[tuple[str, str]]:
    for text in texts:
        if isinstance(text, str):
            name, equals, value = text.partition("=")
            if equals:
                yield name.strip(), value.strip()


def _slug(text: str) -> str:
    return _WORD.sub("_", text).strip("_.")[:64]


def _written(concept: Concept) -> str:
    return f"{concept.value}:{concept.scheme}:{concept.meaning}"
