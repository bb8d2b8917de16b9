"""T1 mapping as a measure of a case: its section ``t1:``, and how its images become a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.imaging.prepared_image import PreparedImage, one_by_one
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray, SingleArray
from biomarker_cli.model.measurement import Measurement, measured
from biomarker_cli.model.quantity import T1
from biomarker_cli.model.version import __version__
from biomarker_cli.perfusion import features
from biomarker_cli.perfusion.dynamic_set import require_one_place
from biomarker_cli.perfusion.phases import Phase, describe_phases, require_dicom, require_signal
from biomarker_cli.perfusion.signals import on_grid, read_signals, union_of
from biomarker_cli.perfusion.t1 import (
    MS_PER_S,
    STRONG_FIELD_T,
    fitted_t1_s,
    flip_angle_set,
    inversion_time_set,
    recovered_t1_s,
)
from biomarker_cli.perfusion.t1_rules import T1PhantomRules, T1Rules
from biomarker_cli.perfusion.transmit_field import TransmitField, without_transmit_field
from biomarker_cli.perfusion.value_rows import FailureLimits, Values, number_row, value_rows

SECTION = T1Rules
MODALITIES = ("MR",)
CASE_ROLE = "t1"
ROLES: tuple[ProposedRole, ...] = ()
EVERY_VOLUME = True
derived_volume = None
IMAGE = "t1"
PERCENT = 100.0


@dataclass(frozen=True)
class T1Map(QuantityMap):
    """A map of T1 in ms; `residual_share` of shape (z, y, x) is that of its fit."""

    residual_share: FloatArray


def required_regions(rules: T1Rules) -> tuple[str, ...]:
    """Return the vials of the certificate: a phantom without one of them was not measured."""
    return tuple(vial.roi for vial in rules.phantom.vials) if rules.phantom else ()


def engine(_rules: T1Rules) -> tuple[str, str]:
    """Return name and version of what computes."""
    return "biomarker", __version__


def prepare(image: CaseImage, rules: T1Rules, _context: object) -> PreparedImage:
    """Return the T1 map of the images of a case, with the statistics of its rules.

    Raises
    ------
    PerfusionError, ImageError, SeriesError
    """
    results = maps(image, rules)
    (result,) = results
    return PreparedImage(
        result.volume,
        one_by_one(lambda region, _others: _rows(result, region, rules)),
        {IMAGE: result.derivation},
        lambda _image: {"image_filter": _description(rules)},
        maps=results,
    )


def maps(image: CaseImage, rules: T1Rules) -> tuple[T1Map]:
    """Return the T1 map of an image.

    Raises
    ------
    PerfusionError, ImageError, SeriesError
    """
    require_dicom(image)
    files = image.dicom
    images, field = without_transmit_field(image.candidates(), files, rules.b1)
    signal = require_signal(describe_phases(images, files))
    require_one_place(signal)
    by_angles = rules.method == "flip_angles"
    found = (
        _of_angles(signal, files, rules, field) if by_angles else _of_times(signal, files, rules)
    )
    first = signal[0]
    flags = {flag for one in signal for flag in one.candidate.flags}
    strong = first.field_t is not None and first.field_t >= STRONG_FIELD_T
    if by_angles and field is None and strong:
        flags.add("b1_uncorrected")
    volume = found.images[0].read(files)
    mask = np.ones(volume.geometry.shape, dtype=np.bool_)
    derivation = {**found.derivation, "volumes": [one.volume_id for one in found.images]}
    values = on_grid(found.t1_s * MS_PER_S, mask)
    residual = on_grid(found.residual, mask)
    return (T1Map(volume.with_array(values, T1, *flags), IMAGE, derivation, residual),)


class _Fitted(NamedTuple):
    images: Sequence[Phase]
    t1_s: FloatArray
    residual: FloatArray
    derivation: dict[str, Any]


def _whole(images: Sequence[Phase], files: DicomFiles) -> SingleArray:
    """Return the signal of every voxel, shape (images, voxels)."""
    geometry = images[0].candidate.geometry
    assert geometry is not None  # noqa: S101 - refused volumes do not come so far
    return read_signals(images, np.ones(geometry.shape, dtype=np.bool_), files).signal


def _of_angles(
    signal: Sequence[Phase], files: DicomFiles, rules: T1Rules, field: TransmitField | None
) -> _Fitted:
    angles = flip_angle_set(signal, rules.min_flip_angles)
    b1 = None if field is None else field.scale_on(angles.images[0], files).ravel()
    t1_s, residual = fitted_t1_s(_whole(angles.images, files), angles, rules.fit, b1)
    derivation: dict[str, Any] = {
        "source": "variable_flip_angle",
        "fit": rules.fit,
        "flip_angles_deg": [float(v) for v in np.degrees(angles.flip_rad).round(6)],
        "repetition_time_ms": angles.tr_s * MS_PER_S,
    }
    if field is not None:
        derivation["b1_map"] = field.candidate.volume_id
    return _Fitted(angles.images, t1_s, residual, derivation)


def _of_times(signal: Sequence[Phase], files: DicomFiles, rules: T1Rules) -> _Fitted:
    times = inversion_time_set(signal, rules.min_inversion_times)
    look_locker = rules.method == "look_locker"
    t1_s, residual = recovered_t1_s(_whole(times.images, files), times, look_locker=look_locker)
    derivation = {
        "source": rules.method,
        "inversion_times_ms": [float(v) for v in (times.inversion_s * MS_PER_S).round(6)],
    }
    return _Fitted(times.images, t1_s, residual, derivation)


def _description(rules: T1Rules) -> str:
    """Return what the map rests on, for ``features.csv``."""
    if rules.method != "flip_angles":
        return rules.method.replace("_", " ")
    corrected = ", flip angles by B1" if rules.b1 is not None else ""
    return f"variable flip angle, {rules.fit} fit{corrected}"


def _rows(result: T1Map, region: Region, rules: T1Rules) -> list[Measurement]:
    union_of([region], result.volume.geometry)
    values = result.volume.as_float64()[region.mask]
    finite = values[np.isfinite(values)]
    flags = result.volume.flags | region.flags
    median = float(np.median(finite)) if finite.size else math.nan
    low, high = rules.plausible_ms
    if finite.size and not low <= median <= high:
        flags |= {"implausible"}
    limits = FailureLimits(rules.failed_flag_above, rules.failed_undefined_above)
    rows = value_rows(Values(IMAGE, T1.unit, values), rules.statistics, limits, flags)
    residual = result.residual_share[region.mask]
    residual = residual[np.isfinite(residual)]
    n_images = len(result.derivation["volumes"])
    by_angles = rules.method == "flip_angles"
    n_free = 2 if by_angles else 3
    spread = float(np.median(residual)) if residual.size and n_images > n_free else math.nan
    why = f"{n_free} images leave no residual: {n_free + 1} or more are needed"
    rows.append(number_row(IMAGE, features.R1_RESIDUAL, spread, flags, why))
    counted = features.FLIP_ANGLES if by_angles else features.INVERSION_TIMES
    rows.append(measured(IMAGE, counted, float(n_images), T1.unit, flags))
    if rules.phantom is not None:
        rows += _phantom_rows(median, region.name, rules.phantom, flags)
    return rows


def _phantom_rows(
    median_ms: float, name: str, rules: T1PhantomRules, flags: frozenset[str]
) -> Sequence[Measurement]:
    expected = next((vial.t1_ms for vial in rules.vials if vial.roi == name), math.nan)
    bias = PERCENT * (median_ms / expected - 1.0)
    passes = float(abs(bias) <= rules.max_bias_percent) if math.isfinite(bias) else math.nan
    why = "the analysis has no certified value of this region, or no voxel has T1"
    return [
        number_row(IMAGE, features.BIAS_PERCENT, bias, flags, why),
        number_row(IMAGE, features.BIAS_PASS, passes, flags, why),
    ]
