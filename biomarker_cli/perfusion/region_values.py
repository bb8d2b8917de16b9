"""The values of a region, with the flags of its fit and the reason where there are none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from biomarker_cli.perfusion.dce import (
    RegionSignals,
    Sequence,
    bolus_of,
    parameter_images,
    parameters_of,
)
from biomarker_cli.perfusion.enhancement import (
    bolus_arrival,
    relative_enhancement,
    rises_within,
)
from biomarker_cli.perfusion.input_curve import InputCurve
from biomarker_cli.perfusion.rules import DceRules
from biomarker_cli.perfusion.value_rows import Values


@dataclass(frozen=True)
class DceValues:
    """Everything that was found in a region.

    Attributes
    ----------
    parameters : tuple of Values
    onset_s : float
        Bolus arrival on the clock of the series; NaN where none was found.
    delay_s : float
        Of the tissue; NaN where no model was fitted.
    residual_sd_mm : float
        Median over voxels.
    flags : frozenset of str
    """

    parameters: tuple[Values, ...]
    onset_s: float
    delay_s: float = math.nan
    residual_sd_mm: float = math.nan
    flags: frozenset[str] = field(default_factory=frozenset)


def dce_values(
    signals: RegionSignals,
    rules: DceRules,
    sequence: Sequence,
    measured: InputCurve | None = None,
) -> DceValues:
    """Measure a region.

    Parameters
    ----------
    signals : RegionSignals
        Of its voxels; skipped frames are left out.
    rules : DceRules
    sequence : Sequence
    measured : InputCurve, optional
        The measured input function in plasma, where the rules ask for one.
    """
    n_before = rules.baseline.frames
    mean = signals.mean()
    signals = mean if rules.level == "region" else signals
    risen = relative_enhancement(mean.dynamic, mean.dynamic[:n_before].mean(axis=0))[:, 0]
    arrived = bolus_arrival(risen)
    early = arrived is not None and rises_within(risen, n_before)
    nothing = np.full(signals.dynamic.shape[1], np.nan)
    if arrived is None or early:
        reason = (
            f"the bolus arrives within the {n_before} baseline frames"
            if early
            else "no contrast agent arrives in the region, or its signal is not defined"
        )
        flags = frozenset({"bolus_early"}) if early else frozenset()
        onset = float(sequence.seconds[arrived]) if arrived is not None else math.nan
        rows = [
            Values(image, unit, nothing, flags, reason) for image, unit in parameter_images(rules)
        ]
        return DceValues(tuple(rows), onset, flags=flags)
    reached = bolus_of(mean, rules, sequence, float(sequence.seconds[arrived]), measured)
    parameters = parameters_of(signals, rules, sequence, reached)
    residual = parameters.residual_sd_mm[np.isfinite(parameters.residual_sd_mm)]
    at_bound = {
        f"bound_reached:{name}"
        for name, where in parameters.reached.items()
        if where.size and float(np.mean(where)) > rules.failed_flag_above
    }
    model_name = rules.model.name if rules.model is not None else ""
    of_model: dict[str, frozenset[str]] = {model_name: frozenset(at_bound)}
    return DceValues(
        tuple(
            Values(image, unit, parameters.values[image], of_model.get(_model_of(image), _NO_FLAGS))
            for image, unit in parameter_images(rules)
        ),
        reached.onset_s,
        reached.delay_s,
        float(np.median(residual)) if residual.size else math.nan,
    )


_NO_FLAGS: frozenset[str] = frozenset()


def _model_of(image: str) -> str:
    return image.rpartition("_")[2]
