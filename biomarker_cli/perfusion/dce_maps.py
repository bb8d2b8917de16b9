"""Maps of all voxels of a dynamic series.

The bolus is that of the voxels that enhance most: one arrival and one delay for the map.
"""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.catalogue.case_image import CaseImage
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.model.arrays import BoolArray, SingleArray
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
    everywhere = np.ones(volume.geometry.shape, dtype=np.bool_)
    dynamic = read_signals(one.kept_phases, everywhere, one.files).signal
    t1_images = None
    if one.sequence.angles is not None:
        t1_images = read_signals(one.sequence.angles.images, everywhere, one.files).signal
    bolus = _bolus(one, dynamic, t1_images)
    names = dce.parameter_images(rules)
    found = {name: np.full(dynamic.shape[1], np.nan, np.float32) for name, _ in names}
    for start in range(0, dynamic.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        values = dce.parameters_of(_part(dynamic, t1_images, part), rules, one.sequence, bolus)
        for name in found:
            found[name][part] = values.values[name]
    derivation = {
        **derivation_of(one),
        "bolus_arrival_s": bolus.onset_s,
        "delay_s": None if math.isnan(bolus.delay_s) else bolus.delay_s,
    }
    return tuple(
        QuantityMap(
            volume.with_array(
                found[name].reshape(volume.geometry.shape), _quantity(name, unit), *one.flags
            ),
            name,
            derivation,
        )
        for name, unit in names
    )


def _quantity(name: str, unit: str) -> Quantity:
    return _QUANTITIES.get(name.partition("_")[0]) or Quantity(name, unit, name.replace("_", " "))


def _part(
    dynamic: SingleArray, t1_images: SingleArray | None, part: slice | BoolArray
) -> dce.RegionSignals:
    return dce.RegionSignals(
        dynamic[:, part].astype(np.float64),
        None if t1_images is None else t1_images[:, part].astype(np.float64),
    )


def _bolus(one: Examination, dynamic: SingleArray, t1_images: SingleArray | None) -> dce.Bolus:
    """Return the bolus of the voxels that enhance most of those with a signal."""
    n_before = one.rules.baseline.frames
    baseline = dynamic[:n_before].mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rise = dynamic.max(axis=0) / baseline
    # Air enhances by its noise: only what has half of the mean signal counts.
    rise[~(baseline > 0.5 * np.nanmean(baseline)) | ~np.isfinite(rise)] = -np.inf
    limit = np.quantile(rise[np.isfinite(rise)], 1.0 - _MOST_ENHANCED) if rise.size else 0.0
    mean = _part(dynamic, t1_images, rise >= limit).mean()
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
