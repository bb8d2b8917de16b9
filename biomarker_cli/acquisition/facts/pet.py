"""Facts of positron emission tomography: tracer, dose, timing, corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from biomarker_cli.acquisition.facts.elements import element_reader, plain, read_keyword
from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing, one
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom import inferred_units
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.inferred_units import is_dose_in_mbq
from biomarker_cli.dicom.injection import (
    TAG_DOSE,
    TAG_HALF_LIFE,
    TAG_NUCLIDE,
    InjectionRecord,
    read_injections,
)
from biomarker_cli.dicom.nuclides import nuclide_of_code
from biomarker_cli.dicom.pet_units import (
    is_enhanced,
    read_corrections,
    read_decay_correction,
    read_units,
)
from biomarker_cli.model.wording import bounded, quoted

_ELEMENTS = (
    ("frame_duration_ms", "ms", "ActualFrameDuration", "Duration of the frame or bed."),
    ("frame_reference_time_ms", "ms", "FrameReferenceTime", "Reference time of the frame."),
    (
        "reconstruction_method",
        "",
        "ReconstructionMethod",
        "Reconstruction as the scanner names it.",
    ),
    ("series_type", "", "SeriesType", "Static, dynamic, gated or whole body; image or projection."),
)
for _name, _unit, _keyword, _definition in _ELEMENTS:
    FACTS.define(_name, _unit, f"{_definition} {_keyword}.", "PT")(element_reader(_keyword))


def _per_frame(series: SeriesHeaders, read: Callable[[FrameHeader], Any], tag: str) -> Reading:
    values = [read(frame) for frame in series.frames]
    present = tuple(value for value in values if value)
    n_missing = len(values) - len(present)
    reason = f"absent or empty in {n_missing} of {len(values)} slices" if n_missing else ""
    return Reading(present, n_missing, (tag,), reason=reason)


@FACTS.define("pet_units", "", "Unit of the stored values (BQML, GML, CNTS ...). Units.", "PT")
def pet_units(series: SeriesHeaders) -> Reading:
    """Return the unit word of every slice."""
    return _per_frame(series, lambda frame: read_units(frame)[0].value, "(0054,1001)")


@FACTS.define(
    "decay_correction", "", "Moment that decay is corrected to: START, ADMIN or NONE.", "PT"
)
def decay_correction(series: SeriesHeaders) -> Reading:
    """Return the decay correction of every slice."""
    return _per_frame(series, lambda frame: read_decay_correction(frame).value, "(0054,1102)")


@FACTS.define("corrections", "", "Set of corrections applied. CorrectedImage.", "PT")
def corrections(series: SeriesHeaders) -> Reading:
    """Return the corrections of every slice, a sorted tuple."""
    return _per_frame(series, lambda frame: tuple(sorted(read_corrections(frame))), "(0028,0051)")


@FACTS.define(
    "attenuation_corrected", "", "yes where CorrectedImage holds ATTN in every slice.", "PT"
)
def attenuation_corrected(series: SeriesHeaders) -> Reading:
    """Return whether the series is corrected for attenuation."""
    reading = corrections(series)
    values = tuple("yes" if "ATTN" in words else "no" for words in reading.values)
    return Reading(values, reading.n_missing, reading.tags, reason=reading.reason)


def _in_unit(
    series: SeriesHeaders, keyword: str, in_unit: Callable[[float], float], why: str
) -> Reading:
    """Return a number of every slice; what can only be in another unit is converted, flagged."""
    reading = read_keyword(series, keyword)
    values = tuple(in_unit(v) if isinstance(v, float) else v for v in reading.values)
    if values == reading.values:
        return reading
    flags = frozenset({f"unit_inferred:{keyword}"})
    return Reading(values, reading.n_missing, reading.tags, flags, why)


@FACTS.define(
    "weight_kg", "kg", "Weight of the patient; 1000 or more is read as grams, flagged.", "PT"
)
def weight_kg(series: SeriesHeaders) -> Reading:
    """Return the weight in every slice."""
    why = "the number can only be grams; DICOM wants kilograms"
    return _in_unit(series, "PatientWeight", inferred_units.weight_kg, why)


@FACTS.define(
    "height_m", "m", "Height of the patient; more than 3 is read as centimetres, flagged.", "PT"
)
def height_m(series: SeriesHeaders) -> Reading:
    """Return the height in every slice."""
    why = "the number can only be centimetres; DICOM wants metres"
    return _in_unit(series, "PatientSize", inferred_units.height_m, why)


def _administration(
    series: SeriesHeaders,
    read: Callable[[InjectionRecord], Any],
    tag: str,
    text: Callable[[InjectionRecord], str] | None = None,
) -> Reading:
    """Return one value of the radiopharmaceutical items of every slice.

    Parameters
    ----------
    text : callable, optional
        What stands there where it is no number.
    """
    texts = [] if text is None else _texts(series, text)
    if texts:
        why = f"{quoted(texts[0], 64)} is no number"
        return Reading((), len(series.frames), (tag,), reason=why, unreadable=bounded(texts[0]))
    present: list[Any] = []
    n_missing = 0
    for frame in series.frames:
        values = {read(record) for record in read_injections(frame)}
        if len(values) != 1 or None in values or "" in values:
            n_missing += 1
        else:
            present.extend(values)
    reason = (
        f"absent, empty or told twice in {n_missing} of {len(series.frames)} slices"
        if n_missing
        else ""
    )
    return Reading(tuple(present), n_missing, (tag,), reason=reason)


def _texts(series: SeriesHeaders, text: Callable[[InjectionRecord], str]) -> list[str]:
    found = (text(record) for frame in series.frames for record in read_injections(frame))
    return [one for one in found if one]


def _nuclide(record: InjectionRecord) -> str:
    for code in record.nuclide_codes:
        if nuclide := nuclide_of_code(code):
            return nuclide.name
    return ";".join(record.nuclide_codes) or record.nuclide_meaning


@FACTS.define(
    "radionuclide", "", "Radionuclide by its code, such as F-18; the code where unknown.", "PT"
)
def radionuclide(series: SeriesHeaders) -> Reading:
    """Return the nuclide of every slice."""
    return _administration(series, _nuclide, TAG_NUCLIDE)


@FACTS.define("radiopharmaceutical", "", "Tracer as the console was told.", "PT")
def radiopharmaceutical(series: SeriesHeaders) -> Reading:
    """Return the tracer of every slice."""
    return _administration(
        series, lambda record: record.radiopharmaceutical, "(0054,0016)>(0018,0031)"
    )


@FACTS.define("half_life_s", "s", "Half-life as written. RadionuclideHalfLife.", "PT")
def half_life_s(series: SeriesHeaders) -> Reading:
    """Return the half-life in every slice."""
    return _administration(
        series, lambda record: record.half_life, TAG_HALF_LIFE, lambda record: record.half_life_text
    )


@FACTS.define(
    "injected_activity_mbq",
    "MBq",
    "Administered activity. RadionuclideTotalDose, in Bq by the standard; a number below 1e4 is "
    "read as MBq and flagged. Enhanced PET has MBq by definition.",
    "PT",
)
def injected_activity_mbq(series: SeriesHeaders) -> Reading:
    """Return the administered activity in every slice."""
    reading = _administration(
        series, lambda record: record.dose, TAG_DOSE, lambda record: record.dose_text
    )
    if reading.unreadable or is_enhanced(series.frames.first):
        return reading
    inferred = any(is_dose_in_mbq(v) for v in reading.values)
    values = tuple(v if is_dose_in_mbq(v) else v / 1e6 for v in reading.values)
    flags = reading.flags | ({"unit_inferred:RadionuclideTotalDose"} if inferred else set())
    reason = "the number can only be MBq; DICOM wants becquerel" if inferred else reading.reason
    return Reading(values, reading.n_missing, reading.tags, flags, reason)


@FACTS.define(
    "activity_per_kg", "MBq/kg", "Administered activity over the weight of the patient.", "PT"
)
def activity_per_kg(series: SeriesHeaders) -> Reading:
    """Return the activity per kilogram, one value per distinct pair."""
    dose, weight = injected_activity_mbq(series), weight_kg(series)
    tags = (*dose.tags, *weight.tags)
    n_missing = max(dose.n_missing, weight.n_missing)
    flags = dose.flags | weight.flags
    why = dose.reason or weight.reason
    if n_missing or not all(isinstance(v, float) and v > 0 for v in weight.values):
        return missing(tags, why or "the weight is not a positive number", max(n_missing, 1))
    pairs = dict.fromkeys(zip(dose.values, weight.values, strict=True))
    return Reading(tuple(d / w for d, w in pairs), 0, tags, flags, why)


@FACTS.define("n_radiopharmaceuticals", "1", "Number of radiopharmaceutical items.", "PT")
def n_radiopharmaceuticals(series: SeriesHeaders) -> Reading:
    """Return how many administrations the header names."""
    counts = {float(len(read_injections(frame))) for frame in series.frames}
    if 0.0 in counts:
        return missing(("(0054,0016)",), "no radiopharmaceutical item")
    if len(counts) > 1:
        return Reading(tuple(sorted(counts)), 0, ("(0054,0016)",))
    return one(counts.pop(), ("(0054,0016)",))


@FACTS.define("patient_sex", "", "Sex of the patient, needed for lean body mass. PatientSex.", "PT")
def patient_sex(series: SeriesHeaders) -> Reading:
    """Return the sex as written."""
    values = tuple(v for v in map(plain, series.column("PatientSex")) if v is not None)
    n_missing = len(series.frames) - len(values)
    reason = f"absent in {n_missing} of {len(series.frames)} slices" if n_missing else ""
    return Reading(values, n_missing, ("(0010,0040)",), reason=reason)
