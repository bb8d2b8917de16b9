"""ADC maps that the scanner computed, and how they differ from ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.diffusion.adc import AdcDerivation, AdcResult
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import DwiKind
from biomarker_cli.diffusion.map_units import in_mm2_s
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.volumes import describe_volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.quantity import ADC


def vendor_adc(
    candidates: Sequence[VolumeCandidate], rules: AdcRules, files: DicomFiles
) -> AdcResult:
    """Read the ADC map of the scanner.

    A value of exactly zero is where the scanner made no fit: it becomes NaN.

    Parameters
    ----------
    candidates : sequence of VolumeCandidate
        Exactly one of them is an ADC map.
    rules : AdcRules

    Raises
    ------
    AdcError
        ``ADC-MAP-MISSING``, ``ADC-MAP-SEVERAL``, ``ADC-MAP-UNIT``,
        ``ADC-MAP-UNIT-CONFLICT``.
    """
    images = [c for c in candidates if c.is_image]
    maps = [c for c in images if describe_volume(c, files).kind is DwiKind.ADC_MAP]
    if not maps:
        raise AdcError(
            "ADC-MAP-MISSING",
            "no image is an ADC map of the scanner",
            hint="An analysis that fits the signal measures diffusion-weighted series.",
        )
    if len(maps) > 1:
        raise AdcError(
            "ADC-MAP-SEVERAL",
            f"expected one ADC map, found {len(maps)}",
            where=", ".join(c.volume_id for c in maps),
            hint="Name the one to use (--series).",
        )
    volume = read_volume(maps[0], files).without_padding()
    values, unit_from, flags = in_mm2_s(volume, infer=rules.vendor_map.infer_unit)
    values = np.where(volume.as_float64() == 0.0, np.nan, values)
    return AdcResult(
        volume.with_array(values, ADC, *flags),
        rules.image,
        AdcDerivation(source="vendor", unit_from=unit_from).as_dict(),
    )


def vendor_for_comparison(
    candidates: Sequence[VolumeCandidate], fitted: AdcResult, rules: AdcRules, files: DicomFiles
) -> tuple[FloatArray | None, str, frozenset[str]]:
    """Return the scanner's map on the grid of a fitted one.

    Returns
    -------
    array : ndarray or None
        mm2/s; None where there is no map to compare.
    how : str
        How its unit is known, or why there is none.
    flags : frozenset of str
    """
    try:
        vendor = vendor_adc(candidates, rules, files)
    except AdcError as error:
        return None, f"{error.code}: {error.message}", frozenset()
    if not vendor.volume.geometry.same_grid(fitted.volume.geometry):
        return None, "the vendor's map lies on another grid", frozenset()
    flags = frozenset(f for f in vendor.volume.flags if f.startswith("unit_inferred"))
    return vendor.volume.as_float64(), str(vendor.derivation["unit_from"]), flags
