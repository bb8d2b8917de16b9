"""The native engine by the conventions of pyradiomics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging import Region, Volume
from biomarker_cli.radiomics.engines.outcome import Outcomes
from biomarker_cli.radiomics.engines.reporting import Families, outcomes_of
from biomarker_cli.radiomics.errors import RadiomicsRulesError
from biomarker_cli.radiomics.features.pyradiomics_values import (
    TEXTURE_AS_PYRADIOMICS,
    Measured,
    histogram_as_pyradiomics,
    intensity_as_pyradiomics,
    shape_as_pyradiomics,
)
from biomarker_cli.radiomics.lattice import Lattice
from biomarker_cli.radiomics.plan import ORIGINAL
from biomarker_cli.radiomics.preprocess.normalising import normalised
from biomarker_cli.radiomics.preprocess.prepared import box_of
from biomarker_cli.radiomics.preprocess.pyradiomics_intensities import (
    discretise_as_pyradiomics,
    resegment_as_pyradiomics,
)
from biomarker_cli.radiomics.rules import PyradiomicsRules, RadiomicsRules

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_DIRECTIONAL = frozenset({"glcm", "glrlm"})


def refuse_what_is_missing(rules: RadiomicsRules) -> None:
    """Refuse rules whose numbers only the package itself can give.

    Raises
    ------
    RadiomicsRulesError
        ``RADIOMICS-NATIVE-LACKS``.
    """
    own = rules.pyradiomics or PyradiomicsRules()
    lacking: list[str] = [image.filter for image in rules.images if image.filter != "none"]
    if rules.interpolation is not None:
        lacking.append("interpolation")
    if not own.symmetrical_glcm:
        lacking.append("symmetrical_glcm: false")
    if lacking:
        raise RadiomicsRulesError(
            "RADIOMICS-NATIVE-LACKS",
            f"the native engine does not compute {', '.join(lacking)} "
            "by the conventions of pyradiomics",
            hint="Set engine: pyradiomics.",
        )


def extract_as_pyradiomics(
    volume: Volume, regions: tuple[Region, ...], rules: RadiomicsRules
) -> list[Outcomes]:
    """Return values or reasons for each region, by feature id.

    Parameters
    ----------
    volume : Volume
    regions : tuple of Region
        On the grid of the volume, each with at least one voxel.
    rules : RadiomicsRules

    Raises
    ------
    RadiomicsRulesError
        ``RADIOMICS-NATIVE-LACKS``.
    """
    refuse_what_is_missing(rules)
    image = normalised(volume.as_float64(), rules.normalisation, freedom=1)
    x, y, z = volume.geometry.spacing_mm
    return [_extract_region(image, region, (z, y, x), rules) for region in regions]


def _extract_region(
    image: Floats, region: Region, spacing: tuple[float, float, float], rules: RadiomicsRules
) -> Outcomes:
    own = rules.pyradiomics or PyradiomicsRules()
    box = box_of(region.mask, (0, 0, 0))
    mask, cropped = region.mask[box], image[box]
    reason = too_small(mask, own)
    if reason:
        return outcomes_of({}, rules, reason)
    kept = resegment_as_pyradiomics(cropped, mask, own)
    if own.resegment_range:
        reason = too_small(kept, own) if kept.any() else "re-segmentation left no voxel"
        if reason:
            return outcomes_of({}, rules, reason)
    inner = box_of(kept, (0, 0, 0))
    found: Families = {}
    if "morphology" in rules.families:
        # The package crops to the re-segmented region first, so that even the
        # mask that is not re-segmented loses what lies outside its box.
        shape = kept if own.resegment_shape else mask
        found[f"{ORIGINAL}.morphology."] = shape_as_pyradiomics(shape[inner], spacing)
    found.update(_measure_image(ORIGINAL, cropped[inner], kept[inner], spacing, rules))
    return outcomes_of(found, rules, "the definition gives no finite value on this region")


def too_small(mask: Mask, rules: PyradiomicsRules) -> str:
    """Return why a region is not measured, or nothing."""
    box = box_of(mask, (0, 0, 0))
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
    name: str,
    image: Floats,
    mask: Mask,
    spacing: tuple[float, float, float],
    rules: RadiomicsRules,
) -> Families:
    own = rules.pyradiomics or PyradiomicsRules()
    values = image[mask]
    found: Families = {}
    if "intensity" in rules.families:
        found[f"{name}.intensity."] = intensity_as_pyradiomics(
            values, own.voxel_array_shift, float(np.prod(spacing))
        )
    levels = discretise_as_pyradiomics(values, rules.discretisation)
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
    mask: Mask,
    levels: npt.NDArray[np.int64],
    spacing: tuple[float, float, float],
    own: PyradiomicsRules,
) -> Measured:
    """Lay the levels on a lattice whose first axis runs across the planes of `force_2d`."""
    box = np.zeros(mask.shape, dtype=np.int64)
    box[mask] = levels
    order = [0, 1, 2]
    if own.force_2d:
        order.insert(0, order.pop(own.force_2d_axis))
    turned = np.transpose(box, order)
    z, y, x = (spacing[axis] for axis in order)
    lattice = Lattice.of(turned, max(own.distances))
    a, b, c = turned.shape
    return Measured(lattice, (a, b, c), (z, y, x), own)
