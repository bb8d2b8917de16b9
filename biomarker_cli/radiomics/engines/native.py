"""The native engine: both conventions on compiled kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from typing_extensions import override

from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.imaging.resampling import InterpolationKind
from biomarker_cli.imaging.spheres import ONE_ML_RADIUS_MM
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.kernels.compiled import measure_distances
from biomarker_cli.model.arrays import AnyArray, BoolArray, CountArray, FloatArray, IntArray
from biomarker_cli.radiomics.bounds import require_levels
from biomarker_cli.radiomics.engines.engine import Engine
from biomarker_cli.radiomics.engines.native_pyradiomics import extract_as_pyradiomics
from biomarker_cli.radiomics.engines.outcome import Outcomes
from biomarker_cli.radiomics.engines.reporting import Families, outcomes_of
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.features.first_order import (
    histogram_values,
    intensity_values,
    ivh_values,
)
from biomarker_cli.radiomics.features.peaks import peak_values
from biomarker_cli.radiomics.features.shape_values import intensity_in_space, shape_values
from biomarker_cli.radiomics.features.texture import TEXTURE_FAMILIES, Texture
from biomarker_cli.radiomics.filters.applying import filtered_images
from biomarker_cli.radiomics.filters.reach import require_sizes
from biomarker_cli.radiomics.lattice import Lattice
from biomarker_cli.radiomics.plan import ORIGINAL
from biomarker_cli.radiomics.preprocess.intensities import discretise, histogram_axis
from biomarker_cli.radiomics.preprocess.normalising import normalised
from biomarker_cli.radiomics.preprocess.prepared import (
    Grid,
    PreparedRegion,
    grid_of,
    mask_in,
    part_of,
    prepare_on_whole,
    prepare_region,
    resampled_image,
    resampled_mask,
)
from biomarker_cli.radiomics.rules import NoDiscretisation, RadiomicsRules

Values = Mapping[str, float]

_UNDEFINED = "the definition gives no finite value on this region"
_NOTHING_LEFT = "no voxel of the region is left after interpolation and re-segmentation"


class NativeEngine(Engine):
    """Measure all regions of an image."""

    @override
    def extract(
        self, volume: Volume, regions: tuple[Region, ...], rules: RadiomicsRules
    ) -> list[Outcomes | RadiomicsError]:
        if rules.conventions == "pyradiomics":
            return extract_as_pyradiomics(volume, regions, rules)
        grid = grid_of(volume, rules)
        _check_whole_image(volume, rules)
        # A whole float64 image is made only where one is needed: the rest takes place in boxes.
        array = volume.array
        if rules.normalisation is not None:
            array = normalised(volume.as_float64(), rules.normalisation)
        if not rules.filtered:
            return [_extract_alone(array, grid, region.crop, rules) for region in regions]
        shape = tuple(axis.places.size for axis in grid.axes)
        require_sizes(rules.images, shape, grid.spacing_zyx, rules.dimension == "2d")
        return _extract_filtered(array, grid, regions, rules)


@dataclass
class _Progress:
    """What has been measured of one region, until something stops it."""

    prepared: PreparedRegion | None
    found: Families = field(default_factory=dict)
    refusal: RadiomicsError | None = None

    def start(self, image: FloatArray, rules: RadiomicsRules) -> None:
        """Measure what belongs to the region and not to an image."""
        if self.prepared is not None and "morphology" in rules.families:
            self.found[f"{ORIGINAL}.morphology."] = _morphology(image, self.prepared)

    def measure(self, name: str, image: FloatArray, rules: RadiomicsRules) -> None:
        """Add what one image gives, unless the region has been refused."""
        if self.refusal is None and self.prepared is not None and self.prepared.intensity.any():
            try:
                self.found.update(_measure_image(name, image, self.prepared, rules))
            except RadiomicsError as error:
                self.refusal = error

    def outcomes(self, rules: RadiomicsRules) -> Outcomes | RadiomicsError:
        """Return the values or reasons by feature id, or why the region is refused."""
        if self.refusal is not None:
            return self.refusal
        return outcomes_of(self.found, rules, _UNDEFINED if self.found else _NOTHING_LEFT)


def _extract_alone(
    array: AnyArray, grid: Grid, crop: Crop, rules: RadiomicsRules
) -> Outcomes | RadiomicsError:
    """Measure a region on its surroundings: nothing else is resampled."""
    kind: InterpolationKind = rules.interpolation.image if rules.interpolation else "nearest"
    try:
        box, part = part_of(grid, crop.box, array.shape, ONE_ML_RADIUS_MM, kind)
    except RadiomicsError as error:
        return error
    image = resampled_image(array[box].astype(np.float64), part, rules)
    prepared = prepare_region(image, resampled_mask(mask_in(crop, box), part, rules), part, rules)
    progress = _Progress(prepared)
    progress.start(image, rules)
    progress.measure(ORIGINAL, image, rules)
    return progress.outcomes(rules)


def _extract_filtered(
    array: AnyArray, grid: Grid, regions: tuple[Region, ...], rules: RadiomicsRules
) -> list[Outcomes | RadiomicsError]:
    """Measure all regions on filtered images, each made once of the whole image."""
    image = resampled_image(np.asarray(array, dtype=np.float64), grid, rules)
    progress = [_Progress(prepare_on_whole(image, grid, r.mask, rules)) for r in regions]
    for region in progress:
        region.start(image, rules)
    planar = rules.dimension == "2d"
    for filter_rules in rules.images:
        for name, voxels in filtered_images(image, grid.spacing_zyx, filter_rules, planar):
            for region in progress:
                region.measure(name, voxels, rules)
    return [region.outcomes(rules) for region in progress]


def _check_whole_image(volume: Volume, rules: RadiomicsRules) -> None:
    """Refuse NaN anywhere where steps look beyond the regions."""
    local = rules.interpolation is None and not rules.filtered
    if not local and not np.isfinite(volume.array).all():
        raise RadiomicsError(
            "RADIOMICS-NON-FINITE",
            "the image holds NaN or infinite voxels, which interpolation and filters would spread",
            where=volume.volume_id,
            hint="Repair the image.",
        )


def _morphology(image: FloatArray, prepared: PreparedRegion) -> Values:
    spacing = prepared.spacing_zyx
    shape = shape_values(prepared.morphological, spacing)
    space = intensity_in_space(
        prepared.morphological, prepared.intensity, image[prepared.box], spacing, shape["volume"]
    )
    return {**shape, **space}


def _measure_image(
    name: str, image: FloatArray, prepared: PreparedRegion, rules: RadiomicsRules
) -> Families:
    """Measure every family but morphology on one image."""
    found: Families = {}
    # The range of re-segmentation belongs to the image itself, not to its filtered forms.
    resegmentation = rules.resegmentation if name == ORIGINAL else None
    wanted = set(rules.families)
    values = image[prepared.box][prepared.intensity]
    # Levels first: what they cost is known before anything is measured.
    levels = _levels(values, prepared, rules)
    if "local_intensity" in wanted:
        found[f"{name}.local_intensity."] = _peaks(image, prepared)
    if "intensity" in wanted:
        found[f"{name}.intensity."] = intensity_values(values)
    if "ivh" in wanted and rules.ivh is not None:
        step = rules.round_to or 1.0
        found[f"{name}.ivh."] = ivh_values(*histogram_axis(values, rules.ivh, resegmentation, step))
    if levels is None:
        return found
    if "intensity_histogram" in wanted:
        found[f"{name}.intensity_histogram."] = histogram_values(levels)
    texture = _texture(prepared, levels)
    for family in TEXTURE_FAMILIES:
        if family in wanted:
            for aggregation in _aggregations(family, rules):
                key = f"{name}.{family}.{aggregation}"
                found[key] = TEXTURE_FAMILIES[family](texture, aggregation)
    return found


def _levels(values: FloatArray, prepared: PreparedRegion, rules: RadiomicsRules) -> IntArray | None:
    """Return the grey levels of a region; None where nothing that is measured needs them."""
    if not {"intensity_histogram", *TEXTURE_FAMILIES}.intersection(rules.families):
        return None
    levels = discretise(values, rules.discretisation, rules.resegmentation)
    _check_levels(values, levels, rules)
    require_levels(levels, rules.families, prepared.intensity.shape)
    return levels


def _aggregations(family: str, rules: RadiomicsRules) -> list[str]:
    directional = family in {"glcm", "glrlm"}
    return [a for a in rules.aggregations if ("_" in a) is directional]


def _check_levels(values: FloatArray, levels: IntArray, rules: RadiomicsRules) -> None:
    discrete = isinstance(rules.discretisation, NoDiscretisation)
    if levels.min() >= 1 and not (discrete and not np.array_equal(values, levels)):
        return
    raise RadiomicsError(
        "RADIOMICS-NOT-DISCRETE",
        f"intensities from {values.min():g} to {values.max():g} have no grey level by "
        f"{rules.discretisation.describe()}: levels are whole numbers from 1",
        hint="Name a discretisation and a re-segmentation that fit the image.",
    )


def _peaks(image: FloatArray, prepared: PreparedRegion) -> Values:
    z, y, x = (math.ceil(ONE_ML_RADIUS_MM / step) for step in prepared.spacing_zyx)
    reach = zip(prepared.box, (z, y, x), image.shape, strict=True)
    wide = [slice(max(p.start - far, 0), min(p.stop + far, end)) for p, far, end in reach]
    mask = np.zeros(image[wide[0], wide[1], wide[2]].shape, dtype=np.bool_)
    inner = [
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(prepared.box, wide, strict=True)
    ]
    mask[inner[0], inner[1], inner[2]] = prepared.intensity
    return peak_values(image[wide[0], wide[1], wide[2]], mask, prepared.spacing_zyx)


def _texture(prepared: PreparedRegion, levels: IntArray) -> Texture:
    inside = prepared.intensity
    kept = [z for z in range(len(inside)) if inside[z].any()]
    ends = np.cumsum([np.count_nonzero(inside[z]) for z in kept])
    in_planes = _distances(prepared.morphological, True)[inside]
    return Texture(
        Lattice.of(inside, levels),
        tuple(
            Lattice.of(inside[z : z + 1], part)
            for z, part in zip(kept, np.split(levels, ends[:-1]), strict=True)
        ),
        _distances(prepared.morphological, False)[inside],
        tuple(np.split(in_planes, ends[:-1])),
    )


def _distances(mask: BoolArray, planar: bool) -> CountArray:
    """Return the city-block distance to the outside, 1 for a voxel at the border."""
    distance = np.zeros([length + 2 for length in mask.shape], dtype=np.int32)
    measure_distances(np.ascontiguousarray(mask), planar, distance)
    return distance[1:-1, 1:-1, 1:-1]
