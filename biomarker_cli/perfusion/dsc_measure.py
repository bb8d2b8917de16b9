"""Dynamic susceptibility contrast MRI as a measure of a case: its section ``dsc:``, its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.imaging.prepared_image import Measured, PreparedImage
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.measurement import Measurement, measured
from biomarker_cli.model.version import __version__
from biomarker_cli.perfusion import features
from biomarker_cli.perfusion.dsc import running_area
from biomarker_cli.perfusion.dsc_rules import DscRules
from biomarker_cli.perfusion.dynamic_set import DynamicSet, assemble_dynamic, require_frames
from biomarker_cli.perfusion.enhancement import bolus_arrival, rises_within
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.first_pass import (
    BloodInput,
    Passage,
    ReferenceCurves,
    blood_input,
    corrected,
    first_pass_values,
    parameter_images,
    reference_curve,
    unusable_reference,
)
from biomarker_cli.perfusion.measured_input import rejected_input, require_input_region
from biomarker_cli.perfusion.phases import require_dicom
from biomarker_cli.perfusion.signals import MaskedSignals, read_signals, union_of
from biomarker_cli.perfusion.t1 import MS_PER_S
from biomarker_cli.perfusion.value_rows import FailureLimits, Values, number_row, value_rows

SECTION = DscRules
MODALITIES = ("MR",)
CASE_ROLE = "dsc"
ROLES: tuple[ProposedRole, ...] = ()
EVERY_VOLUME = True
derived_volume = None
maps = None
IMAGE = "dsc"

_LEAST_LEFT = 0.05
"""Of the area of a reference when its leakage is taken out."""

_NO_VOXELS = np.empty(0)
_WHOLE = 100.0
"""Blood volume of nothing but blood, mL/(100 mL)."""

_EVEN = 0.02
"""Largest part of the interval by which frames that are deconvolved may be uneven."""


def required_regions(rules: DscRules) -> tuple[str, ...]:
    """Return the regions that others are referred to: without them nothing is measured."""
    named = (rules.aif.roi if rules.aif else None, rules.leakage_reference, rules.relative_to)
    return tuple(dict.fromkeys(name for name in named if name is not None))


def engine(_rules: DscRules) -> tuple[str, str]:
    """Return name and version of what computes."""
    return "biomarker", __version__


@dataclass(frozen=True)
class _Examination:
    dynamic: DynamicSet
    passage: Passage
    rules: DscRules
    files: DicomFiles
    flags: frozenset[str]


def prepare(image: CaseImage, rules: DscRules, _context: object) -> PreparedImage:
    """Return the dynamic series of a case, and what measures its regions.

    Raises
    ------
    PerfusionError, ImageError, SeriesError
    """
    require_dicom(image)
    files = image.dicom
    dynamic = assemble_dynamic(image.candidates(), files, with_t1_images=False)
    require_frames(dynamic, rules.baseline)
    passage = _passage(dynamic, rules)
    flags = set(dynamic.flags)
    if passage.interval_s > rules.interval_flag_above_s:
        flags.add("frame_interval_long")
    one = _Examination(dynamic, passage, rules, files, frozenset(flags))
    volume = dynamic.first.read(files)
    return PreparedImage(
        replace(volume, flags=volume.flags | one.flags),
        partial(_measure, one),
        {IMAGE: _derivation(one)},
        lambda _image: {"image_filter": _described(rules)},
    )


def _passage(dynamic: DynamicSet, rules: DscRules) -> Passage:
    first, axis = dynamic.first, dynamic.axis
    if not first.echo_ms or first.echo_ms < 0:
        raise PerfusionError(
            "DSC-NO-ECHO-TIME",
            "the header does not tell EchoTime",
            where=first.series_uid,
            hint="Without it the signal is no relaxation rate: export the series again.",
        )
    seconds = axis.seconds[rules.baseline.skip_frames :]
    steps = np.diff(seconds)
    interval = float(np.median(steps))
    if rules.flow is not None and float(np.abs(steps - interval).max()) > _EVEN * interval:
        raise PerfusionError(
            "DSC-UNEVEN-FRAMES",
            f"the frames are {steps.min():.4g} to {steps.max():.4g} s apart; a deconvolution "
            "needs even ones",
            where=first.series_uid,
            hint="Look at the frames with biomarker timepoints; an analysis without flow bears "
            "uneven ones.",
        )
    return Passage(seconds, first.echo_ms / MS_PER_S, interval, rules.baseline.frames)


def _derivation(one: _Examination) -> dict[str, Any]:
    axis = one.dynamic.axis
    return {
        "times_from": axis.rule,
        "times_tag": axis.tag,
        "index_from": axis.index_rule,
        "seconds": [round(float(v), 6) for v in axis.seconds],
        "echo_time_ms": one.passage.te_s * MS_PER_S,
        "volumes": [phase.volume_id for phase in axis.phases],
    }


def _described(rules: DscRules) -> str:
    """Return what the numbers rest on, for ``features.csv``."""
    words = [f"level {rules.level}"]
    if rules.aif is not None:
        words.append(f"input {rules.aif.roi}_blood")
    if rules.leakage_reference is not None:
        words.append(f"leakage by {rules.leakage_reference}")
    if rules.relative_to is not None:
        words.append(f"relative to {rules.relative_to}")
    if rules.flow is not None:
        words.append(f"singular values from {rules.flow.least_singular:g}")
    return ", ".join(words)


def _measure(one: _Examination, regions: Sequence[Region]) -> Mapping[str, Measured]:
    """Read every frame once and measure each region."""
    if not regions:
        return {}
    mask = union_of(regions, one.dynamic.geometry)
    kept = one.dynamic.axis.phases[one.rules.baseline.skip_frames :]
    signals = read_signals(kept, mask, one.files)
    try:
        references = _references(one, regions, signals)
    except BiomarkerError as error:
        return {region.name: error for region in regions}
    found: dict[str, Measured] = {}
    for region in regions:
        try:
            found[region.name] = _rows(one, region, signals, references)
        except BiomarkerError as error:
            found[region.name] = error
    return found


def _references(
    one: _Examination, regions: Sequence[Region], signals: MaskedSignals
) -> ReferenceCurves:
    rules, passage = one.rules, one.passage
    by_name = {region.name: region for region in regions}

    def curve_of(roi: str | None) -> Any:
        if roi is None:
            return None
        region = by_name.get(roi)
        signal = None if region is None else signals.under(region)
        return reference_curve(signal, passage, roi)

    blood = None
    if rules.aif is not None:
        region = require_input_region(regions, rules.aif.roi)
        blood = blood_input(signals.under(region), passage, rules.aif)
    unleaking = curve_of(rules.leakage_reference)
    relative = curve_of(rules.relative_to)
    area = None
    if relative is not None:
        whole, _ = corrected(relative[:, None], passage, unleaking)
        area = float(running_area(whole, passage.seconds)[-1, 0])
        as_measured = float(running_area(relative, passage.seconds)[-1])
        if not area > _LEAST_LEFT * as_measured > 0:
            raise unusable_reference(
                str(rules.relative_to), "without leakage nothing of its bolus is left"
            )
    flags = (by_name[name].flags_for_others for name in required_regions(rules) if name in by_name)
    return ReferenceCurves(blood, unleaking, area, frozenset().union(*flags))


def _rows(
    one: _Examination, region: Region, signals: MaskedSignals, references: ReferenceCurves
) -> list[Measurement]:
    rules, passage, flags = one.rules, one.passage, one.flags | region.flags
    if rules.aif is not None and references.blood is not None and region.name == rules.aif.roi:
        return _input_rows(references.blood, flags)
    flags |= references.flags
    signal = signals.under(region)
    mean = passage.mean_curve(signal)
    curves = mean[:, None] if rules.level == "region" else passage.curves(signal)
    arrived = bolus_arrival(mean)
    reason = ""
    if arrived is None:
        reason = "no contrast agent arrives in the region, or its signal is not defined"
    elif rises_within(mean, passage.n_before):
        reason = f"the bolus arrives within the {passage.n_before} baseline frames"
        flags |= {"bolus_early"}
    elif references.blood is not None and rules.aif is not None:
        _require_above(references.blood, float(mean.max()), rules.aif.min_peak_over_tissue, region)
    values = {} if reason else first_pass_values(curves, passage, rules, references)
    volume = values.get("cbv", _NO_VOXELS)
    volume = volume[np.isfinite(volume)]
    if volume.size and not 0.0 <= float(np.median(volume)) <= _WHOLE:
        flags |= {"implausible"}
    nothing = np.full(curves.shape[1], np.nan)
    limits = FailureLimits(rules.failed_flag_above, rules.failed_undefined_above)
    rows = [
        row
        for image, unit in parameter_images(rules)
        for row in value_rows(
            Values(image, unit, values.get(image, nothing), reason=reason),
            rules.statistics,
            limits,
            flags,
        )
    ]
    onset = np.nan if arrived is None else float(passage.seconds[arrived])
    return rows + _condition_rows(one, onset, flags)


def _require_above(blood: BloodInput, tissue_peak: float, factor: float, region: Region) -> None:
    if blood.peak_per_s < factor * tissue_peak:
        raise rejected_input(
            f"its peak is {blood.peak_per_s:.3g} /s, that of the tissue {tissue_peak:.3g}; "
            f"expected {factor:g} times as much",
            region.name,
        )


def _condition_rows(one: _Examination, onset_s: float, flags: frozenset[str]) -> list[Measurement]:
    """Return what the numbers of a region rest on."""
    numbers = [
        (features.FRAMES, float(len(one.dynamic.axis.phases))),
        (features.INTERVAL, one.passage.interval_s),
        (features.BASELINE_FRAMES, float(one.rules.baseline.frames)),
        (features.ARRIVAL, onset_s),
        (features.ECHO_TIME, one.passage.te_s * MS_PER_S),
    ]
    if one.rules.haematocrit is not None:
        numbers.append((features.VESSEL_FACTOR, one.rules.haematocrit.vessel_factor))
    why = "no contrast agent arrives after the baseline"
    return [number_row(IMAGE, definition, number, flags, why) for definition, number in numbers]


def _input_rows(found: BloodInput, flags: frozenset[str]) -> list[Measurement]:
    why = "the first pass does not fall to half of its peak"
    return [
        measured(IMAGE, features.INPUT_PEAK_R2STAR, found.peak_per_s, "1", flags),
        number_row(IMAGE, features.INPUT_FWHM, found.fwhm_s, flags, why),
        measured(IMAGE, features.INPUT_ONSET, found.onset_s, "1", flags),
        measured(IMAGE, features.INPUT_END, found.end_over_peak, "1", flags),
        measured(IMAGE, features.INPUT_LOWEST, found.lowest_signal, "1", flags),
    ]
