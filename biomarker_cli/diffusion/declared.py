"""ADC maps from image files whose unit the user declared."""

from __future__ import annotations

import numpy as np

from biomarker_cli.diffusion.adc import AdcDerivation, AdcResult
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC
from biomarker_cli.statistics.percentiles import percentile

LARGEST_PLAUSIBLE_MM2_S = 0.05
"""Free water at 37 C diffuses with 0.003 mm2/s; a map far above has another unit."""

_PERCENT = 99.0


def declared_adc(volume: Volume, rules: AdcRules) -> AdcResult:
    """Take a map as ADC in mm2/s because the user says so.

    Parameters
    ----------
    volume : Volume
        From NIfTI, NRRD or MHA, quantity ``adc`` as ``--quantity`` sets it.
    rules : AdcRules
        Only the image name and the limits of measuring apply.

    Raises
    ------
    AdcError
        ``ADC-NO-B-VALUES`` where nothing or another quantity was declared,
        ``ADC-DECLARED-UNIT`` where the values cannot be mm2/s,
        ``ADC-DECLARED-EMPTY`` where there are none.
    """
    if volume.quantity != ADC:
        raise AdcError(
            "ADC-NO-B-VALUES",
            "the image has no header with b-values, and was not declared to be an ADC map",
            where=volume.volume_id,
            hint="Give the DICOM series, or --quantity adc where the image is a map in mm2/s.",
        )
    values = volume.as_float64()
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise AdcError("ADC-DECLARED-EMPTY", "the map has no finite value", where=volume.volume_id)
    size = percentile(np.abs(finite), _PERCENT)
    if size > LARGEST_PLAUSIBLE_MM2_S:
        raise AdcError(
            "ADC-DECLARED-UNIT",
            f"expected ADC in mm2/s (free water 0.003), found values up to {size:g}",
            where=volume.volume_id,
            hint="Rescale the map to mm2/s: maps are often kept in 1e-6 or 1e-3 mm2/s.",
        )
    return AdcResult(
        volume.with_array(values, ADC, "quantity_declared"),
        rules.image,
        AdcDerivation(source="declared", unit_from="declared by the user").as_dict(),
    )
