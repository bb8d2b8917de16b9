"""Write a structured report of each case of a run, beside the Segmentations it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.dicom.derived import source_headers
from biomarker_cli.exchange.errors import NotExportedError
from biomarker_cli.exchange.results.handing_out import (
    ObjectFolder,
    Outgoing,
    regions_of_case,
    segmentation_of,
)
from biomarker_cli.exchange.results.measurement_codes import (
    CodedName,
    MeasuredConcept,
    measured_concept,
)
from biomarker_cli.exchange.results.measurement_report import (
    OutgoingGroup,
    OutgoingNumber,
    OutgoingReport,
    measurement_report,
    numbers_of,
)
from biomarker_cli.exchange.results.objects_table import ObjectRow
from biomarker_cli.exchange.results.outgoing_maps import OutgoingMap, maps_of_case
from biomarker_cli.exchange.results.outgoing_run import OutgoingCase, named_rows, number_in
from biomarker_cli.exchange.results.response_calls import Calls, read_calls
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.usability import TAKEN, Least

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from biomarker_cli.exchange.results.segmentation import RegionsOfImage
    from biomarker_cli.tables.packaged import PackagedTable

_ROW_COLUMNS = (
    *("case_id", "roi_id", "analysis_id", "feature_id"),
    *("value", "unit", "flags", "usable"),
)
_FEATURE_COLUMNS = (
    *("analysis_id", "feature_id", "analysis_sha256", "name", "ibsi_id", "dicom_code"),
    *("engine", "engine_version", "definition_version"),
)

_VOLUME = MeasuredConcept(CodedName("118565006", "SCT", "Volume"))

_Row = Mapping[str, str]


@dataclass(frozen=True)
class _Tables:
    """What the tables say beyond the rows of one case.

    Attributes
    ----------
    features : mapping
        Rows of ``features.csv`` by analysis and feature.
    volumes : mapping
        mm3 by case and ROI.
    tracking : dict
        TrackingUID that a region came with, by case and ROI.
    calls : mapping
        Of response, by subject and timepoint.
    with_maps : bool
        Whether kept maps leave as well.
    """

    features: Mapping[tuple[str, str], _Row]
    volumes: Mapping[tuple[str, str], float]
    tracking: dict[tuple[str, str], str]
    calls: Calls
    with_maps: bool


@dataclass(frozen=True)
class ReportRules:
    """What a report takes.

    Attributes
    ----------
    least : str
        Which values leave, by the column `usable`.
    response : Path or None
        Folder that `biomarker response` wrote of the run: its calls leave as well.
    with_maps : bool
        Whether kept maps leave as Parametric Maps, to which numbers refer.
    """

    least: Least = "caution"
    response: Path | None = None
    with_maps: bool = False


def export_reports(
    outgoing: Outgoing, folder: Path, cases: Iterable[OutgoingCase], rules: ReportRules
) -> list[ObjectRow]:
    """Write a report of each case, and the Segmentations that it refers to.

    Parameters
    ----------
    outgoing : Outgoing
    folder : Path
    cases : iterable of OutgoingCase
    rules : ReportRules

    Returns
    -------
    list of ObjectRow
        Those of ``objects.csv``.
    """
    objects, tables = ObjectFolder(folder), _tables(outgoing, rules)
    waiting = {case.case_id: case for case in cases}
    table = outgoing.run.table("measurements")
    measured = _measured(table, tables)
    for case_id, group in groupby(measured, key=lambda row: row["case_id"]):
        if case_id not in waiting:
            continue
        rows = [row for row in group if row["value"]]
        taken = [row for row in rows if row["usable"] in TAKEN[rules.least]]
        case = waiting.pop(case_id)
        try:
            _one(outgoing, case, taken, tables, objects, len(rows) - len(taken))
        except BiomarkerError as error:
            objects.refuse(error, case, "sr")
    for case in waiting.values():
        objects.refuse(_nothing(case, 0), case, "sr")
    objects.close()
    return objects.rows


def _measured(table: PackagedTable, tables: _Tables) -> Iterator[dict[str, str]]:
    """Yield the rows of a table of measurements whose values are numbers of known features."""
    for place, row in enumerate(named_rows(table, *_ROW_COLUMNS), start=1):
        if (row["analysis_id"], row["feature_id"]) not in tables.features:
            raise table.bad_row(place, "features.csv does not have its feature")
        number_in(row, "value", table)
        yield row


def _tables(outgoing: Outgoing, rules: ReportRules) -> _Tables:
    features = {
        (row["analysis_id"], row["feature_id"]): row
        for row in named_rows(outgoing.run.table("features"), *_FEATURE_COLUMNS)
    }
    rois = outgoing.run.table("rois")
    volumes = {
        (row["case_id"], row["roi_id"]): volume
        for row in named_rows(rois, "case_id", "roi_id", "volume_mm3")
        if (volume := number_in(row, "volume_mm3", rois)) is not None
    }
    calls: Calls = {}
    if rules.response is not None:
        subjects = frozenset(case.subject_id for case in outgoing.run.cases)
        calls = read_calls(rules.response, subjects)
    return _Tables(features, volumes, outgoing.tracking_uids(), calls, rules.with_maps)


def _nothing(case: OutgoingCase, n_left_out: int) -> NotExportedError:
    return NotExportedError(
        "EXPORT-NO-VALUE",
        f"the case has no value that may leave, {n_left_out} are left out",
        where=case.case_id,
        hint="--usable all takes every value there is.",
    )


def _one(
    outgoing: Outgoing,
    case: OutgoingCase,
    rows: Sequence[_Row],
    tables: _Tables,
    objects: ObjectFolder,
    n_left_out: int,
) -> None:
    from pydicom.uid import generate_uid

    if not rows:
        raise _nothing(case, n_left_out)
    identity, created = outgoing.identity(case), outgoing.run.created
    sources = regions_of_case(outgoing, case, tables.tracking)
    segmentations = [segmentation_of(outgoing, case, source) for source in sources]
    pairs = list(zip(sources, segmentations, strict=True))
    maps = list(maps_of_case(outgoing, case, sources)) if tables.with_maps else []
    groups = tuple(_groups(outgoing, case, rows, tables, pairs, maps))
    report = OutgoingReport(
        case_id=case.case_id,
        timepoint=case.timepoint,
        groups=groups,
        calls=tables.calls.get((case.subject_id, case.timepoint), ()),
        calls_uid=identity.uid(generate_uid(entropy_srcs=["response", case.subject_id])),
        images=tuple(h for s in sources for h in source_headers(s.frames, identity)),
        derived=(*segmentations, *(one.written for one in maps)),
        software_version=outgoing.run.software_version,
    )
    written = measurement_report(report, identity, created, _uids(outgoing, case, report))
    for source, segmentation in pairs:
        objects.take(segmentation, case, "seg", source.image, len(source.regions))
    for one in maps:
        objects.take(one.written, case, "pm", f"{one.name}__{one.analysis_id}", None)
    objects.take(written, case, "sr", "", numbers_of(groups))
    objects.rows[-1] = replace(objects.rows[-1], n_left_out=n_left_out)


def _groups(
    outgoing: Outgoing,
    case: OutgoingCase,
    rows: Sequence[_Row],
    tables: _Tables,
    written: Sequence[tuple[RegionsOfImage, Dataset]],
    maps: Sequence[OutgoingMap],
) -> Iterator[OutgoingGroup]:
    """Yield a group for each region's volume, and for what each analysis measured in it."""
    identity = outgoing.identity(case)
    # In the record of a patient, the ids of a study are not to stand beside their name.
    whose = (f"case_id={case.case_id}",) if outgoing.uids else ()
    map_of = {(one.analysis_id, one.name): one.written for one in maps}
    places: dict[str, tuple[str, tuple[Dataset, int]]] = {}
    for source, segmentation in written:
        for number, one in enumerate(source.regions, start=1):
            uid = source.tracking_uid(one, identity)
            places[one.roi_id] = (uid, (segmentation, number))
    ordered = sorted(rows, key=lambda row: (row["roi_id"], row["analysis_id"], row["feature_id"]))
    for roi_id, of_roi in groupby(ordered, key=lambda row: row["roi_id"]):
        if roi_id not in places:
            raise NotExportedError(
                "EXPORT-NO-MASK",
                f"the run keeps no mask of a region that has values: {roi_id}",
                where=case.case_id,
                hint="Run the same `biomarker run` again: what is missing is made.",
            )
        uid, segment = places[roi_id]
        volume = tables.volumes.get((case.case_id, roi_id))
        if volume is not None:
            yield OutgoingGroup(
                roi_id, uid, segment, whose, (_volume(volume, outgoing.run.software_version),)
            )
        for analysis_id, of_analysis in groupby(of_roi, key=lambda row: row["analysis_id"]):
            found = list(of_analysis)
            features = [tables.features[analysis_id, row["feature_id"]] for row in found]
            parameters = (
                *whose,
                f"analysis_id={analysis_id}",
                f"analysis_sha256={features[0]['analysis_sha256']}",
            )
            measured_on = (
                map_of.get((analysis_id, row["feature_id"].partition(".")[0])) for row in found
            )
            numbers = tuple(map(_number, found, features, measured_on))
            yield OutgoingGroup(roi_id, uid, segment, parameters, numbers)


def _volume(volume_mm3: float, version: str) -> OutgoingNumber:
    return OutgoingNumber(_VOLUME, volume_mm3, "mm3", "biomarker", version, ())


def _number(row: _Row, feature: _Row, measured_on: Dataset | None) -> OutgoingNumber:
    said = {
        "feature_id": row["feature_id"],
        "definition_version": feature["definition_version"],
        "usable": row["usable"],
        "flags": row["flags"],
    }
    # Where images of an analysis differ in unit, the row says which it is.
    concept = measured_concept({**feature, "unit_ucum": row["unit"]})
    parameters = tuple(f"{name}={text}" for name, text in said.items() if text)
    engine, version = feature["engine"] or "biomarker", feature["engine_version"] or "unknown"
    return OutgoingNumber(
        concept, float(row["value"]), row["unit"], engine, version, parameters, measured_on
    )


def _uids(outgoing: Outgoing, case: OutgoingCase, report: OutgoingReport) -> dict[str, str]:
    """Return the UIDs of a report: those of what it holds, and when."""
    from pydicom.uid import generate_uid

    held = [
        f"{group.roi_id}\0{parameter}\0{number.value!r}"
        for group in report.groups
        for number in group.numbers
        for parameter in (*group.parameters, *number.parameters)
    ]
    held += [str(one.SOPInstanceUID) for one in report.derived]
    held += [f"{one.criterion}\0{one.reader}\0{one.overall}" for one in report.calls]
    created = outgoing.run.created.isoformat()
    made_of = [case.case_id, case.result_key, created, *held]
    words = {"series_instance_uid": "sr series", "sop_instance_uid": "sr instance"}
    identity = outgoing.identity(case)
    return {
        name: identity.uid(generate_uid(entropy_srcs=[word, *made_of]))
        for name, word in words.items()
    }
