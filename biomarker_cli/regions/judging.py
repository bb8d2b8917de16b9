"""Judge a drawn ROI by the rules: empty, thin, on the border, in pieces, on padding."""

from __future__ import annotations

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.regions.components import component_sizes
from biomarker_cli.regions.entries import Drawing
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

THIN_VOXELS = 3
"""Thinner ROIs say more about the grid than about the structure."""

CLIPPED_WORTH_A_FLAG = 1e-6


def judge_drawing(drawing: Drawing, target: ImageTarget, rules: RegionRules, label: str) -> Drawing:
    """Return a drawing with the facts of its voxels, or refuse it.

    Raises
    ------
    RegionError
        ``REGION-EMPTY``, ``REGION-OUTSIDE``, ``REGION-SMALL``, ``REGION-BORDER``,
        ``REGION-CLIPPED``, ``REGION-COMPONENTS``.
    """
    crop = drawing.crop.tight()
    clipped = float(drawing.audit.get("clipped_fraction") or 0.0)
    if not crop.mask.size:
        raise _empty(clipped, label)
    n_voxels = int(np.count_nonzero(crop.mask))
    thinnest = _thinnest(crop, target.geometry)
    border = touches_border(crop, target.geometry)
    sizes = component_sizes(crop.mask)
    n_components = len(sizes)
    if n_voxels < rules.smallest_voxels:
        raise _small(f"expected at least {rules.smallest_voxels} voxels, found {n_voxels}", label)
    thin = thinnest < THIN_VOXELS
    if thin and rules.thin == "error":
        found = f"expected at least {THIN_VOXELS} voxels in every direction, found {thinnest}"
        raise _small(found, label)
    if border and rules.border == "error":
        raise RegionError("REGION-BORDER", "the ROI touches the border of the image", where=label)
    is_clipped = clipped > CLIPPED_WORTH_A_FLAG
    if is_clipped and rules.clipped == "error":
        message = f"{clipped:.1%} of the ROI lies outside the image"
        raise RegionError("REGION-CLIPPED", message, where=label)
    if n_components > 1 and rules.components == "error":
        message = f"expected one connected component, found {n_components}"
        raise RegionError("REGION-COMPONENTS", message, where=label)
    found_flags = {
        "roi_small": thin,
        "roi_touches_border": border,
        "roi_clipped": is_clipped,
        "roi_padding": _holds_padding(crop, target),
    }
    audit: dict[str, AuditValue] = {
        **drawing.audit,
        "thinnest_voxels": thinnest,
        "touches_border": border,
        "n_components": n_components,
        "largest_component_fraction": int(sizes.max()) / n_voxels,
    }
    flags = drawing.flags | {flag for flag, holds in found_flags.items() if holds}
    return Drawing(crop, audit, flags)


def _holds_padding(crop: Crop, target: ImageTarget) -> bool:
    """Tell whether a voxel is one that the scanner filled up (DICOM PS3.3 C.7.5.1.1.2)."""
    return target.padding is not None and bool((target.padding[crop.box] & crop.mask).any())


def _thinnest(crop: Crop, geometry: Geometry) -> int:
    """Return the smallest extent; an axis of one slice has no other to be thin in."""
    extents = [n for n, whole in zip(crop.mask.shape, geometry.shape, strict=True) if whole > 1]
    return min(extents, default=1)


def touches_border(crop: Crop, geometry: Geometry) -> bool:
    """Tell whether a voxel lies on the border of the image.

    An axis with a single voxel is all border and does not count.
    """
    return any(
        whole > 1 and (part.start == 0 or part.stop == whole)
        for part, whole in zip(crop.box, geometry.shape, strict=True)
    )


def _empty(clipped: float, label: str) -> RegionError:
    if clipped >= 1.0:
        return RegionError(
            "REGION-OUTSIDE",
            "the whole ROI lies outside the image",
            where=label,
            hint="Check that the segmentation belongs to this image.",
        )
    return RegionError(
        "REGION-EMPTY",
        "no voxel centre lies inside the ROI",
        where=label,
        hint="It is empty, or smaller than a voxel of this image.",
    )


def _small(message: str, label: str) -> RegionError:
    return RegionError("REGION-SMALL", message, where=label)
