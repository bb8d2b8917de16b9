"""Measure the radiomic features of the regions of one image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import Measurement, measured, undefined
from biomarker_cli.model.version import __version__
from biomarker_cli.radiomics.engines import engine_of
from biomarker_cli.radiomics.engines.outcome import FeatureOutcome, Outcomes
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.plan import PlannedFeature, planned_features
from biomarker_cli.radiomics.preprocess.voxel_type import in_type_of_file
from biomarker_cli.radiomics.rules import RadiomicsRules
from biomarker_cli.radiomics.threads import one_thread_of_blas

_EMPTY = FeatureOutcome(None, "the region holds no voxel")
_ARBITRARY = frozenset({"arbitrary_intensity"})


def engine_identity(rules: RadiomicsRules) -> tuple[str, str]:
    """Return name and version of the engine that the rules name.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-ENGINE-ABSENT``.
    """
    match rules.engine:
        case "native":
            return rules.engine, __version__
        case "pyradiomics":
            from biomarker_cli.radiomics.engines.pyradiomics import engine_version

            return rules.engine, engine_version()
        case _:
            assert_never(rules.engine)


def radiomics_measurements(
    volume: Volume, regions: Sequence[Region], rules: RadiomicsRules
) -> dict[str, list[Measurement]]:
    """Measure the features of every region, or of none where one is refused.

    Parameters
    ----------
    volume : Volume
        Of a quantity that the rules admit.
    regions : sequence of Region
        On the grid of the volume, with different names.
    rules : RadiomicsRules

    Returns
    -------
    dict
        Rows by the name of the region: one for each feature of the rules, with
        or without a value.

    Raises
    ------
    RadiomicsError
        As `radiomics_of_regions`, and what that returns in place of rows.
    """
    rows = {}
    for name, found in radiomics_of_regions(volume, regions, rules).items():
        if isinstance(found, RadiomicsError):
            raise found
        rows[name] = found
    return rows


def radiomics_of_regions(
    volume: Volume, regions: Sequence[Region], rules: RadiomicsRules
) -> dict[str, list[Measurement] | RadiomicsError]:
    """Measure the features of every region that can be measured.

    Filtered images are made once for all regions. The values of a region do not
    depend on which others are measured with it.

    Parameters
    ----------
    volume : Volume
        Of a quantity that the rules admit.
    regions : sequence of Region
        On the grid of the volume, with different names.
    rules : RadiomicsRules

    Returns
    -------
    dict
        By the name of the region its rows, one for each feature of the rules with or
        without a value, or why this region is refused: ``RADIOMICS-GRID-MISMATCH``,
        ``RADIOMICS-NON-FINITE``, ``RADIOMICS-NOT-DISCRETE``,
        ``RADIOMICS-MANY-LEVELS``.

    Raises
    ------
    RadiomicsError
        Where no region can be measured: ``RADIOMICS-QUANTITY``,
        ``RADIOMICS-REGION-NAME``, ``RADIOMICS-NON-FINITE``,
        ``RADIOMICS-FLAT-IMAGE``, ``RADIOMICS-THIN-IMAGE``,
        ``RADIOMICS-ENGINE-ABSENT``, ``RADIOMICS-ENGINE-FAILED``,
        ``RADIOMICS-FILTER-UNAVAILABLE``.
    """
    _check(volume, regions, rules)
    refused = {region.name: _refusal(volume, region) for region in regions}
    filled = tuple(r for r in regions if refused[r.name] is None and r.n_voxels)
    outcomes: dict[str, Outcomes | RadiomicsError] = {}
    if filled:
        with one_thread_of_blas():
            found = engine_of(rules).extract(volume, filled, rules)
        outcomes = {region.name: values for region, values in zip(filled, found, strict=True)}
    plan = planned_features(rules)
    unit = "1" if rules.normalisation is not None else volume.quantity.unit
    flags = volume.flags | (_ARBITRARY if volume.quantity.name == "signal" else frozenset())
    if _resampled_as_integers(volume, rules):
        flags |= {"integer_resampling"}
    rows: dict[str, list[Measurement] | RadiomicsError] = {}
    empty: dict[frozenset[str], list[Measurement]] = {}
    for region in regions:
        own = refused[region.name] or outcomes.get(region.name)
        marks = flags | region.flags
        if isinstance(own, RadiomicsError):
            rows[region.name] = own
        elif own is not None:
            rows[region.name] = [_row(item, own, unit, marks) for item in plan]
        else:
            # Thousands of empty regions have the same rows.
            if marks not in empty:
                empty[marks] = [_row(item, {}, unit, marks) for item in plan]
            rows[region.name] = list(empty[marks])
    return rows


def _row(item: PlannedFeature, outcomes: Outcomes, unit: str, flags: frozenset[str]) -> Measurement:
    outcome = outcomes.get(item.feature_id, _EMPTY)
    image_unit = unit if item.keeps_unit else "1"
    if outcome.value is not None:
        return measured(item.image, item.definition, outcome.value, image_unit, flags)
    return undefined(item.image, item.definition, image_unit, flags, outcome.reason)


def _resampled_as_integers(volume: Volume, rules: RadiomicsRules) -> bool:
    own = rules.pyradiomics
    if own is None or own.voxel_type != "file" or rules.interpolation is None:
        return False
    # Normalisation makes floats first, and the nearest voxel is not rounded.
    if rules.normalisation is not None or rules.interpolation.image == "nearest":
        return False
    return in_type_of_file(volume).dtype.kind in "iu"


def _check(volume: Volume, regions: Sequence[Region], rules: RadiomicsRules) -> None:
    if "any" not in rules.quantities and volume.quantity.name not in rules.quantities:
        raise RadiomicsError(
            "RADIOMICS-QUANTITY",
            f"expected a volume of {' or '.join(rules.quantities)}, "
            f"found {volume.quantity.name} ({volume.quantity.unit or 'no unit'})",
            where=volume.volume_id,
            hint="Take the analysis protocol that is made for this quantity.",
        )
    twice = [name for name, count in Counter(r.name for r in regions).items() if count > 1]
    if twice:
        raise RadiomicsError(
            "RADIOMICS-REGION-NAME", f"regions share the name {', '.join(sorted(twice))}"
        )


def _refusal(volume: Volume, region: Region) -> RadiomicsError | None:
    """Return why a region cannot be measured on a volume, or None."""
    same = region.geometry is volume.geometry or region.geometry.same_grid(volume.geometry)
    if not same:
        return RadiomicsError(
            "RADIOMICS-GRID-MISMATCH",
            f"the region {region.name!r} lies on another grid than the image: "
            f"{region.geometry.difference(volume.geometry)}",
            where=volume.volume_id,
            hint="Import the region onto the grid of this image.",
        )
    around = volume.array[region.box]
    # Whole numbers are finite; to look at a whole box is quicker than to pick its voxels.
    if around.dtype.kind in "iu" or np.isfinite(around).all():
        return None
    inside = around[region.crop.mask]
    if np.isfinite(inside).all():
        return None
    return RadiomicsError(
        "RADIOMICS-NON-FINITE",
        f"{int(np.count_nonzero(~np.isfinite(inside)))} of {inside.size} voxels of the "
        f"region {region.name!r} are NaN or infinite",
        where=volume.volume_id,
        hint="Exclude those voxels from the region, or repair the image.",
    )
