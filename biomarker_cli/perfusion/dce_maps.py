"""Maps of all voxels of a dynamic series.

The bolus is that of the voxels that enhance most: one arrival and one delay for the map. The
frames are read anew for each slab of slices, so the series is never in memory as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.model.arrays import BoolArray, FloatArray, SingleArray
from biomarker_cli.model.quantity import KEP, KTRANS, T1, VE, VP, Quantity
from biomarker_cli.perfusion import dce
from biomarker_cli.perfusion.enhancement import (
    bolus_arrival,
    relative_enhancement,
    rises_within,
)
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.examination import Examination, derivation_of, examine
from biomarker_cli.perfusion.rules import DceRules, RegionAif
from biomarker_cli.perfusion.signals import read_signals

_CHUNK = 8192
"""Voxels that are computed together."""

_SLAB_BYTES = 64 * 1024 * 1024
"""Signals that are in memory together."""

_MOST_ENHANCED = 0.01
_QUANTITIES = {"ktrans": KTRANS, "ve": VE, "kep": KEP, "vp": VP, "t10": T1}


def dce_maps(image: CaseImage, rules: DceRules) -> tuple[QuantityMap, ...]:
    """Return a map of every parameter that the rules ask for.

    Parameters
    ----------
    image : CaseImage
    rules : DceRules

    Raises
    ------
    PerfusionError
        ``DCE-NO-MAPS`` where the rules are those of regions, ``DCE-NO-ARRIVAL``.
    """
    if rules.level == "region" or (rules.model and isinstance(rules.model.aif, RegionAif)):
        raise PerfusionError(
            "DCE-NO-MAPS",
            "the analysis measures regions, or takes its input function from one",
            hint="Maps need an analysis of level voxel with a population's input function.",
        )
    one = examine(image, rules)
    volume = one.dynamic.first.read(one.files)
    b1 = one.b1()
    bolus = _bolus(one, b1)
    names = dce.parameter_images(rules)
    found = {name: np.full(volume.geometry.shape, np.nan, np.float32) for name, _ in names}
    for slab in _slabs(one, volume.geometry.shape):
        read = _read(one, slab, b1)
        n_voxels = read.dynamic.shape[1]
        values = {name: np.empty(n_voxels, np.float32) for name, _ in names}
        for start in range(0, n_voxels, _CHUNK):
            part = slice(start, start + _CHUNK)
            signals = read.part(part)
            parameters = dce.parameters_of(signals, rules, one.sequence, bolus)
            for name, _ in names:
                values[name][part] = parameters.values[name]
        for name, _ in names:
            found[name][slab] = values[name]
    derivation = {
        **derivation_of(one),
        "bolus_arrival_s": bolus.onset_s,
        "delay_s": None if math.isnan(bolus.delay_s) else bolus.delay_s,
    }
    return tuple(
        QuantityMap(
            volume.with_array(found[name], _quantity(name, unit), *one.flags),
            name,
            derivation,
        )
        for name, unit in names
    )


def _quantity(name: str, unit: str) -> Quantity:
    return _QUANTITIES.get(name.partition("_")[0]) or Quantity(name, unit, name.replace("_", " "))


def _slabs(one: Examination, shape: tuple[int, int, int]) -> Iterator[BoolArray]:
    """Yield the voxels of slices whose signals are in memory together."""
    angles = one.sequence.angles
    n_images = len(one.kept_phases) + (0 if angles is None else len(angles.images))
    thick = max(_SLAB_BYTES // (4 * n_images * shape[1] * shape[2]), 1)
    for z in range(0, shape[0], thick):
        slab = np.zeros(shape, dtype=np.bool_)
        slab[z : z + thick] = True
        yield slab


@dataclass(frozen=True)
class _SlabSignals:
    """Signals as they are stored; those that are computed together become float64."""

    dynamic: SingleArray
    t1_images: SingleArray | None
    b1: FloatArray | None

    def part(self, part: slice) -> dce.RegionSignals:
        return dce.RegionSignals(
            self.dynamic[:, part].astype(np.float64),
            None if self.t1_images is None else self.t1_images[:, part].astype(np.float64),
            None if self.b1 is None else self.b1[part],
        )


def _read(one: Examination, mask: BoolArray, b1: FloatArray | None) -> _SlabSignals:
    angles = one.sequence.angles
    return _SlabSignals(
        read_signals(one.kept_phases, mask, one.files).signal,
        None if angles is None else read_signals(angles.images, mask, one.files).signal,
        None if b1 is None else b1[mask],
    )


def _most_enhanced(one: Examination) -> BoolArray:
    """Return the voxels that enhance most of those with a signal."""
    n_before = one.rules.baseline.frames
    first = one.kept_phases[0].read(one.files).array
    baseline, peak = first.astype(np.float64), first.astype(np.float32)
    for number, phase in enumerate(one.kept_phases[1:], 1):
        frame = phase.read(one.files).array
        if number < n_before:
            baseline += frame
        np.maximum(peak, frame, out=peak, casting="same_kind")
    baseline /= n_before
    with np.errstate(invalid="ignore", divide="ignore"):
        rise = peak / baseline
    # Air enhances by its noise: only what has half of the mean signal counts.
    rise[~(baseline > 0.5 * np.nanmean(baseline)) | ~np.isfinite(rise)] = -np.inf
    seen = rise[np.isfinite(rise)]
    return rise >= (np.quantile(seen, 1.0 - _MOST_ENHANCED) if seen.size else np.inf)


def _bolus(one: Examination, b1: FloatArray | None) -> dce.Bolus:
    """Return the bolus of the voxels that enhance most."""
    n_before = one.rules.baseline.frames
    mean = _read(one, _most_enhanced(one), b1).part(slice(None)).mean()
    curve = relative_enhancement(mean.dynamic, mean.dynamic[:n_before].mean(axis=0))[:, 0]
    arrived = bolus_arrival(curve)
    if arrived is None or rises_within(curve, n_before):
        raise PerfusionError(
            "DCE-NO-ARRIVAL",
            "no contrast agent arrives after the baseline frames",
            where=one.dynamic.first.series_uid,
            hint="Check baseline of the analysis against the series (biomarker timepoints).",
        )
    return dce.bolus_of(mean, one.rules, one.sequence, float(one.sequence.seconds[arrived]))
