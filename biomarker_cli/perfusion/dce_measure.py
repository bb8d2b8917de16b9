"""Dynamic contrast-enhanced MRI as a measure of a case: its section ``dce:``, and its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.imaging.prepared_image import Measured, PreparedImage
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.measurement import Measurement, measured
from biomarker_cli.model.version import __version__
from biomarker_cli.perfusion import dce, features
from biomarker_cli.perfusion.dce_maps import dce_maps
from biomarker_cli.perfusion.examination import Examination, derivation_of, examine
from biomarker_cli.perfusion.measured_input import (
    MeasuredInput,
    measured_input,
    require_above_tissue,
    require_input_region,
)
from biomarker_cli.perfusion.motion import Motion
from biomarker_cli.perfusion.phases import is_echo_of_3d
from biomarker_cli.perfusion.region_values import DceValues, dce_values
from biomarker_cli.perfusion.relaxivity import blood_t1_s
from biomarker_cli.perfusion.rules import DceRules, RegionAif
from biomarker_cli.perfusion.signals import MaskedSignals, read_signals, union_of
from biomarker_cli.perfusion.t1 import MS_PER_S
from biomarker_cli.perfusion.value_rows import FailureLimits, number_row, value_rows

SECTION = DceRules
MODALITIES = ("MR",)
CASE_ROLE = "dce"
ROLES = (
    ProposedRole(
        "dce", "MR", "qiba-dce", "dce-semiquantitative", least_volumes=8, of_header=is_echo_of_3d
    ),
)
"""What a series tells by itself: T1 images lie in other series, and a person names them."""

EVERY_VOLUME = True
derived_volume = None
required_regions = None
maps = dce_maps
IMAGE = "dce"


def engine(_rules: DceRules) -> tuple[str, str]:
    """Return name and version of what computes."""
    return "biomarker", __version__


def prepare(image: CaseImage, rules: DceRules, _context: object) -> PreparedImage:
    """Return the dynamic series of a case, and what measures its regions.

    Headers decide here; the frames are read, one after the other, when regions are measured.

    Raises
    ------
    PerfusionError, ImageError, SeriesError
    """
    examination = examine(image, rules)
    volume = examination.shown.read(examination.files)
    volume = replace(volume, flags=volume.flags | examination.flags)
    return PreparedImage(
        volume,
        partial(_measure, examination),
        {IMAGE: derivation_of(examination)},
        partial(_description, rules),
    )


def _description(rules: DceRules, image: str) -> Mapping[str, Any]:
    """Return the columns of ``features.csv`` that describe an image: what its numbers rest on."""
    words = [f"level {rules.level}"]
    if rules.t10 is not None and image not in {name for name, _ in dce.parameter_images(rules)[:4]}:
        words.append(f"T10 {rules.t10.source}")
    if rules.model is not None and image.endswith(f"_{rules.model.name}"):
        aif = rules.model.aif
        name = f"{aif.roi}_blood" if isinstance(aif, RegionAif) else aif.name
        words += [f"input {name}", f"Hct {rules.model.haematocrit:g}"]
    return {"image_filter": ", ".join(words)}


def _measure(one: Examination, regions: Sequence[Region]) -> Mapping[str, Measured]:
    """Read every frame once and measure each region."""
    if not regions:
        return {}
    mask = union_of(regions, one.dynamic.geometry)
    dynamic = read_signals(one.kept_phases, mask, one.files)
    t1_images = None
    if one.sequence.angles is not None:
        t1_images = read_signals(one.sequence.angles.images, mask, one.files)
    read = _Read(dynamic, t1_images, one.b1())
    aif = one.rules.model.aif if one.rules.model is not None else None
    found_input, input_error = None, None
    if isinstance(aif, RegionAif):
        try:
            found_input = _input_of_region(one, regions, aif, read)
        except BiomarkerError as error:
            input_error = error
    found: dict[str, Measured] = {}
    for region in regions:
        if input_error is not None:
            found[region.name] = input_error
            continue
        try:
            signals = read.of(region)
            found[region.name] = _rows(one, region, signals, found_input)
        except BiomarkerError as error:
            found[region.name] = error
    return found


@dataclass(frozen=True)
class _Read:
    """The signals of all regions, and applied over nominal flip angle, shape (z, y, x)."""

    dynamic: MaskedSignals
    t1_images: MaskedSignals | None
    b1: FloatArray | None

    def of(self, region: Region) -> dce.RegionSignals:
        return dce.RegionSignals(
            self.dynamic.under(region),
            None if self.t1_images is None else self.t1_images.under(region),
            None if self.b1 is None else self.b1[region.mask],
        )


def _input_of_region(
    one: Examination, regions: Sequence[Region], aif: RegionAif, read: _Read
) -> MeasuredInput:
    region = require_input_region(regions, aif.roi)
    assert one.rules.model is not None  # noqa: S101 - an input function is of a model
    haematocrit = one.rules.model.haematocrit
    first = one.dynamic.first
    t10_s = (
        aif.blood_t1_ms / MS_PER_S
        if aif.blood_t1_ms is not None
        else blood_t1_s(first.field_t, haematocrit, first.series_uid)
    )
    blood = dce.mean_concentration(
        replace(read.of(region), t1_images=None), one.rules, one.sequence, t10_s
    )
    found = measured_input(
        blood,
        one.sequence.seconds,
        aif,
        n_before=one.rules.baseline.frames,
        haematocrit=haematocrit,
    )
    return replace(found, flags=region.flags_for_others)


def _rows(
    one: Examination,
    region: Region,
    signals: dce.RegionSignals,
    found_input: MeasuredInput | None,
) -> list[Measurement]:
    rules, flags = one.rules, one.flags | region.flags
    aif = rules.model.aif if rules.model is not None else None
    if found_input is not None and isinstance(aif, RegionAif):
        if region.name == aif.roi:
            return _input_rows(found_input, flags)
        flags |= found_input.flags
        tissue = dce.mean_concentration(signals, rules, one.sequence)
        if np.isfinite(tissue).all():
            require_above_tissue(found_input, float(tissue.max()), aif)
    curve = None if found_input is None else found_input.curve
    values = dce_values(signals, rules, one.sequence, curve)
    flags |= values.flags
    limits = FailureLimits(rules.failed_flag_above, rules.failed_undefined_above)
    rows = [
        row
        for found in values.parameters
        for row in value_rows(found, rules.statistics, limits, flags)
    ]
    rows += _condition_rows(one, values, flags)
    return rows if one.motion is None else rows + _motion_rows(one.motion, region, flags)


def _condition_rows(
    one: Examination, values: DceValues, flags: frozenset[str]
) -> list[Measurement]:
    """Return what the numbers of a region rest on."""
    rules, axis = one.rules, one.dynamic.axis
    numbers = [
        (features.FRAMES, float(len(axis.phases))),
        (features.INTERVAL, axis.interval_s),
        (features.BASELINE_FRAMES, float(rules.baseline.frames)),
        (features.ARRIVAL, values.onset_s),
    ]
    if rules.needs_concentration:
        numbers.append((features.RELAXIVITY, one.sequence.relaxivity_per_s_mm))
    if rules.model is not None:
        numbers += [
            (features.HAEMATOCRIT, rules.model.haematocrit),
            (features.DELAY, values.delay_s),
            (features.RESIDUAL_SD, values.residual_sd_mm),
        ]
    why = "no contrast agent arrives after the baseline"
    return [number_row(IMAGE, definition, number, flags, why) for definition, number in numbers]


def _motion_rows(motion: Motion, region: Region, flags: frozenset[str]) -> list[Measurement]:
    """Return how far a region moved in the frames that are kept, and how many are not."""
    moved = motion.displacements_mm(region)
    turned = max(motion.frames[number].rotation_deg for number in motion.kept)
    numbers = [
        (features.FRAMES_DROPPED, float(len(motion.frames) - len(motion.kept))),
        (features.DISPLACEMENT_MAX, float(moved.max())),
        (features.DISPLACEMENT_MEDIAN, float(np.median(moved))),
        (features.ROTATION_MAX, turned),
    ]
    return [measured(IMAGE, definition, number, "1", flags) for definition, number in numbers]


def _input_rows(found: MeasuredInput, flags: frozenset[str]) -> list[Measurement]:
    why = "the first pass does not fall to half of its peak"
    return [
        measured(IMAGE, features.INPUT_PEAK, found.peak_mm, "1", flags),
        number_row(IMAGE, features.INPUT_FWHM, found.fwhm_s, flags, why),
        measured(IMAGE, features.INPUT_ONSET, found.onset_s, "1", flags),
        measured(IMAGE, features.INPUT_END, found.end_over_peak, "1", flags),
    ]
