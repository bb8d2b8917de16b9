"""T1 mapping as a measure of a case: its section ``t1:``, and how its images become a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.imaging.prepared_image import PreparedImage, one_by_one
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.measurement import Measurement, measured
from biomarker_cli.model.quantity import T1
from biomarker_cli.model.version import __version__
from biomarker_cli.perfusion import features
from biomarker_cli.perfusion.dynamic_set import require_one_place
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.phases import describe_phases, require_signal
from biomarker_cli.perfusion.rules import T1PhantomRules, T1Rules
from biomarker_cli.perfusion.signals import on_grid, read_signals, union_of
from biomarker_cli.perfusion.t1 import MS_PER_S, STRONG_FIELD_T, fitted_t1_s, flip_angle_set
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
        lambda _image: {"image_filter": f"variable flip angle, {rules.fit} fit"},
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
    signal = require_signal(describe_phases(image.candidates(), files))
    require_one_place(signal)
    angles = flip_angle_set(signal, rules.min_flip_angles)
    first = angles.images[0]
    volume = first.read(files)
    mask = np.ones(volume.geometry.shape, dtype=np.bool_)
    read = read_signals(angles.images, mask, files)
    t1_s, residual = fitted_t1_s(read.signal, angles, rules.fit)
    flags = {flag for one in signal for flag in one.candidate.flags}
    if first.field_t is not None and first.field_t >= STRONG_FIELD_T:
        flags.add("b1_uncorrected")
    derivation = {
        "source": "variable_flip_angle",
        "fit": rules.fit,
        "flip_angles_deg": [float(v) for v in np.degrees(angles.flip_rad).round(6)],
        "repetition_time_ms": angles.tr_s * MS_PER_S,
        "volumes": [one.volume_id for one in angles.images],
    }
    values = on_grid(t1_s * MS_PER_S, mask)
    return (
        T1Map(volume.with_array(values, T1, *flags), IMAGE, derivation, on_grid(residual, mask)),
    )


def require_dicom(image: CaseImage) -> None:
    """Refuse files of other formats, which tell neither flip angles nor times.

    Raises
    ------
    PerfusionError
        ``DCE-NO-HEADER``.
    """
    if image.is_declared:
        raise PerfusionError(
            "DCE-NO-HEADER",
            "the image is no DICOM: its flip angles and times are not known",
            hint="Give the DICOM series.",
        )


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
    n_angles = len(result.derivation["flip_angles_deg"])
    spread = float(np.median(residual)) if residual.size and n_angles > 2 else math.nan
    why = "two flip angles leave no residual: three or more are needed"
    rows.append(number_row(IMAGE, features.R1_RESIDUAL, spread, flags, why))
    rows.append(measured(IMAGE, features.FLIP_ANGLES, float(n_angles), T1.unit, flags))
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
