"""Facts of magnetic resonance: field, timing, b-values, acquired resolution."""

from __future__ import annotations

from typing import Any

from biomarker_cli.acquisition.facts.elements import element_reader, plain, read_keyword
from biomarker_cli.acquisition.facts.geometry import fields_of_view
from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing, one
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.catalogue.kinds import image_kind
from biomarker_cli.dicom.bvalues import GE_GRADIENT_LENGTH, BValue, read_b_value
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.mr_images import LARGEST_FIELD_T
from biomarker_cli.dicom.nominal_b import b_clusters

_ELEMENTS = (
    ("echo_time_ms", "ms", "EchoTime", "Echo time; EffectiveEchoTime in enhanced objects."),
    ("repetition_time_ms", "ms", "RepetitionTime", "Repetition time."),
    ("inversion_time_ms", "ms", "InversionTime", "Inversion time."),
    ("flip_angle_deg", "deg", "FlipAngle", "Flip angle."),
    ("n_averages", "1", "NumberOfAverages", "Number of signal averages."),
    ("pixel_bandwidth_hz", "Hz", "PixelBandwidth", "Receiver bandwidth per pixel."),
    ("scanning_sequence", "", "ScanningSequence", "Kind of sequence (SE, GR, EP, IR)."),
    ("mr_acquisition_type", "", "MRAcquisitionType", "2D or 3D encoding."),
    ("receive_coil", "", "ReceiveCoilName", "Receiving coil."),
)
for _name, _unit, _keyword, _definition in _ELEMENTS:
    FACTS.define(_name, _unit, f"{_definition} {_keyword}.", "MR")(element_reader(_keyword))


@FACTS.define(
    "field_strength_t",
    "T",
    "Strength of the main field. MagneticFieldStrength; a number above 100 is read as gauss "
    "and flagged unit_inferred.",
    "MR",
)
def field_strength_t(series: SeriesHeaders) -> Reading:
    """Return the field strength in tesla."""
    reading = read_keyword(series, "MagneticFieldStrength")
    if not any(isinstance(v, float) and v > LARGEST_FIELD_T for v in reading.values):
        return reading
    values = tuple(
        v / 1e4 if isinstance(v, float) and v > LARGEST_FIELD_T else v for v in reading.values
    )
    return Reading(
        values,
        reading.n_missing,
        reading.tags,
        frozenset({"unit_inferred:MagneticFieldStrength"}),
        "the number can only be gauss; DICOM wants tesla",
    )


def _kinds(series: SeriesHeaders) -> list[str]:
    """Return the kind of every frame by its ImageType, empty where it has none."""
    return series.once("image kinds", _find_kinds)


def _find_kinds(series: SeriesHeaders) -> list[str]:
    types = zip(series.column("FrameType"), series.column("ImageType"), strict=True)
    found = []
    for frame_type, image_type in types:
        words = plain(frame_type) or plain(image_type) or ()
        words = words if isinstance(words, tuple) else (str(words),)
        found.append(image_kind(words) if words else "")
    return found


def _read_b_values(series: SeriesHeaders) -> list[BValue | None]:
    """Return the b-value of every frame; a damaged element is a missing one."""
    found: list[BValue | None] = []
    for frame in series.frames:
        try:
            found.append(read_b_value(frame))
        except HeaderError:
            found.append(None)
    return found


def _b_values(series: SeriesHeaders, *, computed: bool) -> Reading:
    """Return the b-values of the acquired frames; maps carry b-values that mean nothing."""
    wanted = {"original", "trace"} | ({"derived"} if computed else set())
    kinds = _kinds(series)
    frames = [index for index, kind in enumerate(kinds) if kind in wanted]
    n_untold = kinds.count("")
    if not frames:
        why = "ImageType is missing" if n_untold else "no acquired images, only derived ones"
        return missing(("(0018,9087)", "(0008,0008)"), why, max(n_untold, 1))
    told = series.once("b-values", _read_b_values)
    found = [told[index] for index in frames]
    present = [b for b in found if b is not None and b.is_usable]
    unusable = [b for b in found if b is not None and not b.is_usable]
    n_missing = len(found) - len(present)
    # Philips, GE and others hide the value elsewhere; the element that was used is named.
    tags = tuple(dict.fromkeys([*(b.tag for b in present), "(0008,0008)"]))
    if unusable:
        # A value that is wrong is not an absent one: nothing is read as b = 0 for it.
        why = unusable[0].conflict or f"no b-value in {unusable[0].tag}"
        reason = f"{len(unusable)} of {len(found)} frames: {why}"
        return missing(tuple(dict.fromkeys(b.tag for b in unusable)), reason, n_missing)
    if not present:
        return missing(("(0018,9087)",), "no frame has a b-value", n_missing)
    values = tuple(cluster.nominal for cluster in b_clusters(present))
    scaled = any(b.rule == GE_GRADIENT_LENGTH for b in present)
    flags = frozenset({"b_from_gradient_length"} if scaled else ())
    reason = f"{n_missing} of {len(found)} frames have no b-value" if n_missing else ""
    if n_missing and any(v > 0 for v in values) and _untagged_make_volumes(series, n_missing):
        # Some systems leave the element out on b = 0 (GE MR29, Toshiba V5.0).
        values = tuple(sorted({0.0, *values}))
        n_missing, flags = 0, flags | {"b0_untagged"}
        reason += "; they were read as b = 0"
    if n_untold:
        reason = "; ".join(filter(None, (reason, f"{n_untold} frames have no ImageType")))
    return Reading((values,), n_missing + n_untold, tags, flags, reason)


def _untagged_make_volumes(series: SeriesHeaders, n_untagged: int) -> bool:
    """Tell whether the frames without b-value can be whole volumes beside the others."""
    places = [plain(value) for value in series.column("ImagePositionPatient")]
    n_positions = len({p for p in places if p is not None})
    return n_positions > 0 and n_untagged % n_positions == 0


@FACTS.define(
    "b_values",
    "s/mm2",
    "Set of nominal b-values of the acquired images, in the dialects of the vendors; maps and "
    "computed images are left out. Frames without b-value beside others that have one are read "
    "as b = 0 and flagged b0_untagged.",
    "MR",
)
def b_values(series: SeriesHeaders) -> Reading:
    """Return the set of nominal b-values as one tuple."""
    return _b_values(series, computed=False)


@FACTS.define(
    "b_values_with_computed",
    "s/mm2",
    "Set of nominal b-values, images that the scanner computed for a b-value included.",
    "MR",
)
def b_values_with_computed(series: SeriesHeaders) -> Reading:
    """Return the set of nominal b-values, computed images included, as one tuple."""
    return _b_values(series, computed=True)


@FACTS.define("n_b_values", "1", "Number of distinct nominal b-values of acquired images.", "MR")
def n_b_values(series: SeriesHeaders) -> Reading:
    """Return how many b-values there are."""
    reading = _b_values(series, computed=False)
    values = tuple(float(len(b)) for b in reading.values)
    return Reading(values, reading.n_missing, reading.tags, reading.flags, reading.reason)


_MATRIX_TAGS = (
    "(0018,1310)",
    "(0018,1312)",
    "(0018,0094)",
    "(0028,0030)",
    "(0028,0010)",
    "(0028,0011)",
)


def _acquired_voxels(series: SeriesHeaders) -> list[tuple[float, float] | None]:
    """Return the acquired voxel size (frequency, phase) in mm of every slice.

    PixelSpacing is that of the interpolated image; the acquired one is the field
    of view over the encoding steps (DICOM PS3.3 C.8.3.1: AcquisitionMatrix holds
    frequency rows, frequency columns, phase rows, phase columns).
    """
    found: list[tuple[float, float] | None] = []
    columns = zip(
        fields_of_view(series),
        series.column("AcquisitionMatrix"),
        series.column("MRAcquisitionFrequencyEncodingSteps"),
        series.column("MRAcquisitionPhaseEncodingStepsInPlane"),
        series.column("InPlanePhaseEncodingDirection"),
        series.column("PercentPhaseFieldOfView"),
        strict=True,
    )
    for fov, matrix, n_frequency, n_phase, direction, percent in columns:
        steps = _steps(matrix, n_frequency, n_phase)
        word = str(direction or "").upper()
        if fov is None or steps is None or word not in {"ROW", "COL", "COLUMN"}:
            found.append(None)
            continue
        height, width = fov
        along_phase, along_frequency = (width, height) if word == "ROW" else (height, width)
        if height == width and percent:
            # A square image of a rectangular field is padded along the phase.
            along_phase *= min(float(percent), 100.0) / 100.0
        found.append((round(along_frequency / steps[0], 4), round(along_phase / steps[1], 4)))
    return found


def _steps(matrix: Any, n_frequency: Any, n_phase: Any) -> tuple[float, float] | None:
    four = plain(matrix)
    if isinstance(four, tuple) and len(four) == 4:
        frequency, phase = max(four[0], four[1]), max(four[2], four[3])
    elif n_frequency and n_phase:
        frequency, phase = float(n_frequency), float(n_phase)
    else:
        return None
    return (frequency, phase) if frequency > 0 and phase > 0 else None


def _acquired_reading(series: SeriesHeaders, which: int) -> Reading:
    voxels = series.once("acquired voxels", _acquired_voxels)
    values = tuple(voxel[which] for voxel in voxels if voxel is not None)
    n_missing = len(voxels) - len(values)
    reason = (
        f"acquisition matrix, phase direction or field of view are missing in {n_missing} slices"
        if n_missing
        else ""
    )
    return Reading(values, n_missing, _MATRIX_TAGS, reason=reason)


@FACTS.define(
    "acquired_voxel_frequency_mm",
    "mm",
    "Field of view over the frequency encoding steps (AcquisitionMatrix); PixelSpacing is that "
    "of the interpolated image.",
    "MR",
)
def acquired_voxel_frequency_mm(series: SeriesHeaders) -> Reading:
    """Return the acquired voxel size along the frequency direction of every slice."""
    return _acquired_reading(series, 0)


@FACTS.define(
    "acquired_voxel_phase_mm",
    "mm",
    "Field of view over the phase encoding steps (AcquisitionMatrix, PercentPhaseFieldOfView).",
    "MR",
)
def acquired_voxel_phase_mm(series: SeriesHeaders) -> Reading:
    """Return the acquired voxel size along the phase direction of every slice."""
    return _acquired_reading(series, 1)


@FACTS.define(
    "is_adc_map", "", "yes where ImageType names an apparent diffusion coefficient map.", "MR"
)
def is_adc_map(series: SeriesHeaders) -> Reading:
    """Return whether the series is an ADC map."""
    kinds = _kinds(series)
    if "" in kinds:
        return missing(("(0008,0008)",), "ImageType is missing", kinds.count(""))
    return one("yes" if "adc_map" in kinds else "no", ("(0008,0008)",))
