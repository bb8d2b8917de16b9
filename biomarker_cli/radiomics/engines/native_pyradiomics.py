"""The native engine by the conventions of pyradiomics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from biomarker_cli.imaging.boxes import Box, filled_box
from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import AnyArray, BoolArray, IntArray
from biomarker_cli.radiomics.bounds import require_levels
from biomarker_cli.radiomics.engines.outcome import Outcomes
from biomarker_cli.radiomics.engines.reporting import Families, outcomes_of
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.features.planar_shape import planar_shape_values
from biomarker_cli.radiomics.features.pyradiomics_values import (
    TEXTURE_AS_PYRADIOMICS,
    Measured,
    histogram_as_pyradiomics,
    intensity_as_pyradiomics,
    shape_as_pyradiomics,
)
from biomarker_cli.radiomics.filters.pyradiomics_filters import (
    Voxels,
    images_in_box,
    refusals,
)
from biomarker_cli.radiomics.filters.pyradiomics_rules import BoxFilterRules, PyradiomicsWavelet
from biomarker_cli.radiomics.filters.rules import FilterRules, Unfiltered
from biomarker_cli.radiomics.filters.sharing import shared_boxes, union, work_of
from biomarker_cli.radiomics.filters.stationary_wavelet import single_wavelet_images, wavelet_images
from biomarker_cli.radiomics.lattice import Lattice
from biomarker_cli.radiomics.plan import ORIGINAL
from biomarker_cli.radiomics.preprocess.normalising import normalised_as_pyradiomics
from biomarker_cli.radiomics.preprocess.pyradiomics_intensities import (
    discretise_as_pyradiomics,
    resegment_as_pyradiomics,
)
from biomarker_cli.radiomics.preprocess.pyradiomics_resampling import (
    check_resampling,
    resample_as_pyradiomics,
)
from biomarker_cli.radiomics.preprocess.voxel_type import in_type_of_file
from biomarker_cli.radiomics.rules import PyradiomicsRules, RadiomicsRules

Spacing = tuple[float, float, float]

_LOST = "resampling left no voxel of the region"
_UNDEFINED = "the definition gives no finite value on this region"
_DIRECTIONAL = frozenset({"glcm", "glrlm"})


def extract_as_pyradiomics(
    volume: Volume, regions: tuple[Region, ...], rules: RadiomicsRules
) -> list[Outcomes | RadiomicsError]:
    """Do what `Engine.extract` says, by the conventions of pyradiomics."""
    # A whole float64 image is made only where one is needed: most takes place in boxes.
    image = volume.array
    own = rules.pyradiomics or PyradiomicsRules()
    if own.voxel_type == "file":
        image = normalised_as_pyradiomics(in_type_of_file(volume), rules.normalisation)
    elif rules.normalisation is not None or rules.interpolation is not None:
        image = normalised_as_pyradiomics(volume.as_float64(), rules.normalisation)
    if rules.interpolation is None:
        x, y, z = volume.geometry.spacing_mm
        return _extract_on(image, [region.crop for region in regions], (z, y, x), rules)
    check_resampling(image, rules.interpolation)
    found: list[Outcomes | RadiomicsError] = []
    for region in regions:
        # Every region has a grid of its own, which ends a few voxels beyond it.
        try:
            part, inside, spacing = resample_as_pyradiomics(
                image, region.mask, volume.geometry, rules.interpolation, own.pad_distance_voxels
            )
        except RadiomicsError as error:
            found.append(error)
            continue
        found += _extract_on(part, [Crop(inside).tight()], spacing, rules)
    return found


def _extract_on(
    image: AnyArray, crops: Sequence[Crop], spacing: Spacing, rules: RadiomicsRules
) -> list[Outcomes | RadiomicsError]:
    """Measure regions that share a grid; filters see all of it."""
    placed = [_place(image, crop, spacing, rules) for crop in crops]
    wanted = [region for region in placed if not region.reason]
    reasons: dict[str, str] = {}
    for filter_rules in map(_native_filter, rules.images):
        reasons |= refusals(image.shape, spacing, filter_rules)
        _measure_filter(image, wanted, filter_rules, rules)
    return [_outcomes(region, rules, reasons) for region in placed]


def _outcomes(
    region: PlacedRegion, rules: RadiomicsRules, reasons: dict[str, str]
) -> Outcomes | RadiomicsError:
    if region.refusal is not None:
        return region.refusal
    if region.reason:
        return outcomes_of({}, rules, region.reason)
    return outcomes_of(region.found, rules, _UNDEFINED, reasons)


@dataclass
class PlacedRegion:
    """A region, cropped to its re-segmented box, and what has been measured of it.

    Attributes
    ----------
    box : tuple of slice
    mask : ndarray of bool
        The re-segmented mask in the box.
    spacing : tuple of float
        z, y, x in mm.
    reason : str
        Why the region is not measured, or nothing.
    found : dict
    refusal : RadiomicsError, optional
        What stopped the region, and only it.
    """

    box: Box
    mask: BoolArray
    spacing: Spacing
    reason: str
    found: Families = field(default_factory=dict)
    refusal: RadiomicsError | None = None


def _place(image: AnyArray, crop: Crop, spacing: Spacing, rules: RadiomicsRules) -> PlacedRegion:
    own = rules.pyradiomics or PyradiomicsRules()
    box, mask = crop.box, crop.mask
    if mask.size == 0:
        return PlacedRegion(box, mask, spacing, _LOST)
    reason = too_small(mask, own)
    if reason:
        return PlacedRegion(box, mask, spacing, reason)
    kept = resegment_as_pyradiomics(image[box], mask, own)
    if own.resegment_range:
        reason = too_small(kept, own) if kept.any() else "re-segmentation left no voxel"
        if reason:
            return PlacedRegion(box, mask, spacing, reason)
    inner = filled_box(kept)
    bounds = [
        slice(outer.start + part.start, outer.start + part.stop)
        for outer, part in zip(box, inner, strict=True)
    ]
    placed = PlacedRegion((bounds[0], bounds[1], bounds[2]), kept[inner], spacing, "")
    # The package crops to the re-segmented region first, so that even the mask that is
    # not re-segmented loses what lies outside its box.
    shape = (kept if own.resegment_shape else mask)[inner]
    if "morphology_2d" in rules.families:
        placed.found[f"{ORIGINAL}.morphology_2d."] = _planar_shape(
            shape, spacing, own.force_2d_axis
        )
    if "morphology" in rules.families:
        placed.found[f"{ORIGINAL}.morphology."] = shape_as_pyradiomics(shape, spacing)
    return placed


def _planar_shape(mask: BoolArray, spacing: Spacing, axis: int) -> Mapping[str, float]:
    """Return nothing for a region of several planes."""
    if mask.shape[axis] > 1:
        return {}
    first, second = (step for k, step in enumerate(spacing) if k != axis)
    return planar_shape_values(np.squeeze(mask, axis), (first, second))


NativeFilterRules = Unfiltered | BoxFilterRules | PyradiomicsWavelet


def _native_filter(rules: FilterRules) -> NativeFilterRules:
    if isinstance(rules, NativeFilterRules):
        return rules
    raise ValueError(f"no filter of this engine by these conventions: {rules.filter!r}")


def _measure_filter(
    image: AnyArray,
    regions: list[PlacedRegion],
    filter_rules: NativeFilterRules,
    rules: RadiomicsRules,
) -> None:
    """Measure all regions on the images of one filter; near ones share them."""
    boxes = [region.box for region in regions]
    if isinstance(filter_rules, Unfiltered):
        # Nothing is made: each looks at its own part of the image.
        groups = [[index] for index in range(len(regions))]
    else:
        groups = shared_boxes(boxes, work_of(filter_rules, image.shape))
    for members in groups:
        group = [regions[index] for index in members]
        around = union([boxes[index] for index in members])
        for name, voxels in _images(image, around, group[0].spacing, filter_rules, rules):
            for region in group:
                _measure_region(name, voxels, around, region, rules)


def _images(
    image: AnyArray,
    around: Box,
    spacing: tuple[float, float, float],
    filter_rules: NativeFilterRules,
    rules: RadiomicsRules,
) -> Iterable[tuple[str, Voxels]]:
    """Return name and voxels inside a box of the images of any filter."""
    if isinstance(filter_rules, PyradiomicsWavelet):
        own = rules.pyradiomics or PyradiomicsRules()
        axes = tuple(a for a in (2, 1, 0) if not (own.force_2d and a == own.force_2d_axis))
        if own.voxel_type == "file" and image.dtype == np.float32:
            return single_wavelet_images(image, around, filter_rules, axes)
        return wavelet_images(image, around, filter_rules, axes)
    if isinstance(filter_rules, Unfiltered):
        return [(ORIGINAL, image[around])]
    return images_in_box(image, around, spacing, filter_rules)


def _measure_region(
    name: str, voxels: Voxels, around: Box, region: PlacedRegion, rules: RadiomicsRules
) -> None:
    """Add what one image gives to a region, unless the region has been refused."""
    if region.refusal is not None:
        return
    z, y, x = (
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(region.box, around, strict=True)
    )
    try:
        region.found.update(_measure_image(name, voxels[z, y, x], region, rules))
    except RadiomicsError as error:
        region.refusal = error


def too_small(mask: BoolArray, rules: PyradiomicsRules) -> str:
    """Return why a region is not measured, or nothing."""
    box = filled_box(mask)
    dimensions = sum(part.stop - part.start > 1 for part in box)
    voxels = int(np.count_nonzero(mask))
    if dimensions < rules.minimum_roi_dimensions:
        return f"the region has {dimensions} dimensions, {rules.minimum_roi_dimensions} are needed"
    if rules.minimum_roi_size is not None and voxels <= rules.minimum_roi_size:
        return f"the region has {voxels} voxels, more than {rules.minimum_roi_size} are needed"
    if voxels < 2:
        return "the region has one voxel"
    return ""


def _measure_image(
    name: str, image: Voxels, region: PlacedRegion, rules: RadiomicsRules
) -> Families:
    own = rules.pyradiomics or PyradiomicsRules()
    mask, spacing = region.mask, region.spacing
    values = image[mask].astype(np.float64)
    if not np.isfinite(values).all():
        raise RadiomicsError(
            "RADIOMICS-NON-FINITE",
            f"a filter spread NaN or infinite voxels into the region, on the image {name}",
            hint="Repair the image, or leave the filter out.",
        )
    levels = None
    if not {"intensity_histogram", *TEXTURE_AS_PYRADIOMICS}.isdisjoint(rules.families):
        levels = discretise_as_pyradiomics(values, rules.discretisation)
        require_levels(levels, rules.families, mask.shape)
    found: Families = {}
    if "intensity" in rules.families:
        found[f"{name}.intensity."] = intensity_as_pyradiomics(
            values, own.voxel_array_shift, float(np.prod(spacing))
        )
    if levels is None:
        return found
    if "intensity_histogram" in rules.families:
        found[f"{name}.intensity_histogram."] = histogram_as_pyradiomics(levels)
    directional, plain = sorted(rules.aggregations, key=lambda word: "_" not in word)
    measured = _measured(mask, levels, spacing, own)
    for family, function in TEXTURE_AS_PYRADIOMICS.items():
        if family in rules.families:
            aggregation = directional if family in _DIRECTIONAL else plain
            found[f"{name}.{family}.{aggregation}"] = function(measured)
    return found


def _measured(
    mask: BoolArray,
    levels: IntArray,
    spacing: Spacing,
    own: PyradiomicsRules,
) -> Measured:
    """Lay the levels on a lattice whose first axis runs across the planes of `force_2d`."""
    order = [0, 1, 2]
    if own.force_2d:
        order.insert(0, order.pop(own.force_2d_axis))
    if order != [0, 1, 2]:
        box = np.zeros(mask.shape, dtype=np.int64)
        box[mask] = levels
        mask = np.transpose(mask, order)
        levels = np.transpose(box, order)[mask]
    z, y, x = (spacing[axis] for axis in order)
    a, b, c = mask.shape
    lattice = Lattice.of(mask, levels, max(own.distances))
    return Measured(lattice, (a, b, c), (z, y, x), own)
