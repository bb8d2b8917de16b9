"""Turn the contours of one ROI into voxels of an image.

A voxel is inside when its centre lies inside the contours of its slice. The
contours of a slice are those of the nearest plane within half a slice; a plane
midway between two slices belongs to the lower one, so that a whole stack of
such planes shifts the same way and keeps its volume.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.regions.entries import Drawing
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.gaps import SliceMask, close_gaps, find_gaps
from biomarker_cli.regions.planes import MOST_COMPARED, ContourPlane, nest
from biomarker_cli.regions.polygons import PixelWindow, Ring, crossings_of, snap, window_of
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.slices import Stack, assign_slices

SAME_PLANE_MM = 0.05
"""Contours this close along the normal lie on one plane (rounding in the file)."""

PLANAR_TOLERANCE_MM = 0.1
"""A contour that leaves the plane of the slices further is not parallel to them."""

OFF_PLANE_FLAG_MM = 0.1
"""A contour further from the centre of its slice is worth a flag."""

CLOSED = "CLOSED_PLANAR"
EXCLUSIVE = "CLOSEDPLANAR_XOR"
NOT_CLOSED = frozenset({"POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"})

MOST_CROSSINGS = 20_000_000
"""Of the edges of one ROI with rows of the image: some seconds. The outline of a whole
body on 1,000 slices has a million."""


@dataclass(frozen=True)
class Contour:
    """One contour: its geometric type, and its vertices in LPS mm, shape (n, 3)."""

    kind: str
    points_mm: FloatArray


def draw_contours(
    contours: Sequence[Contour], label: str, geometry: Geometry, rules: RegionRules
) -> Drawing:
    """Return the voxels whose centres the contours of one ROI enclose.

    Parameters
    ----------
    contours : sequence of Contour
    label : str
        Name of the ROI, for messages.
    geometry : Geometry
        Grid of the image.
    rules : RegionRules

    Returns
    -------
    Drawing

    Raises
    ------
    RegionError
        ``REGION-NO-CONTOURS``, ``REGION-NOT-CLOSED``, ``REGION-CONTOUR-TYPE``,
        ``REGION-CONTOUR-TILTED``, ``REGION-CONTOUR-NOT-PLANAR``, ``REGION-TOO-LARGE``,
        ``REGION-CONTOURS-CROSS``, ``REGION-GAP``.
    """
    usable = closed_contours(contours, label)
    stack = assign_slices(_planes(usable, geometry, label), geometry)
    n_crossing = sum(plane.nesting.n_crossing for plane in stack.planes)
    if n_crossing and rules.crossing == "error":
        raise RegionError(
            "REGION-CONTOURS-CROSS",
            f"{n_crossing} pairs of closed contours cross on one plane, which DICOM leaves "
            "undefined",
            where=label,
            hint="Correct the contours, or set 'crossing: union' in the analysis protocol.",
        )
    window = _window(stack, geometry)
    crop, slices = _draw_slices(stack, window)
    gaps = find_gaps(slices)
    bridged = close_gaps(slices, gaps, geometry.spacing_mm, rules, label)
    for index, mask in bridged.items():
        crop.mask[index - crop.offset[0]] = mask
    flags = set()
    if n_crossing:
        flags.add("roi_contours_cross")
    if gaps:
        flags.add("roi_interpolated" if bridged else "roi_gaps")
    if stack.off_plane_mm > OFF_PLANE_FLAG_MM:
        flags.add("roi_off_plane")
    if stack.n_unused:
        flags.add("roi_planes_unused")
    audit = {
        **_contour_audit(contours, stack),
        "n_gaps": len(gaps),
        "n_slices_interpolated": len(bridged),
        **_volume_audit(stack, bridged, geometry),
    }
    return Drawing(crop, audit, frozenset(flags))


def closed_contours(contours: Sequence[Contour], label: str) -> list[Contour]:
    """Return the contours that enclose an area.

    Raises
    ------
    RegionError
        ``REGION-NO-CONTOURS``, ``REGION-NOT-CLOSED``, ``REGION-CONTOUR-TYPE``.
    """
    if not any(len(contour.points_mm) for contour in contours):
        raise RegionError(
            "REGION-NO-CONTOURS",
            "the ROI has no contour",
            where=label,
            hint="It was named but never drawn.",
        )
    unknown = {c.kind for c in contours if len(c.points_mm)} - {CLOSED, EXCLUSIVE} - NOT_CLOSED
    if unknown:
        raise RegionError(
            "REGION-CONTOUR-TYPE",
            "expected a ContourGeometricType (3006,0042) such as CLOSED_PLANAR for every contour, "
            f"found {', '.join(sorted(kind or 'none' for kind in unknown))}",
            where=label,
            hint="Whether the contours are closed cannot be told: export the structure set again.",
        )
    usable = [c for c in contours if c.kind in {CLOSED, EXCLUSIVE} and len(c.points_mm) >= 3]
    if not usable:
        kinds = ", ".join(sorted({c.kind or "no type" for c in contours}))
        raise RegionError(
            "REGION-NOT-CLOSED",
            f"expected closed planar contours, found {kinds}",
            where=label,
            hint="A point or an open line encloses no voxel.",
        )
    return usable


def _planes(contours: Sequence[Contour], geometry: Geometry, label: str) -> list[ContourPlane]:
    """Group contours by their position along the normal of the slices."""
    spacing_z = geometry.spacing_mm[2]
    placed: list[tuple[float, bool, Ring]] = []
    n_crossings = 0
    for contour in contours:
        index = geometry.physical_to_index(contour.points_mm)
        n_crossings += crossings_of(index[:, :2], geometry.shape[1])
        if n_crossings > MOST_CROSSINGS:
            raise RegionError(
                "REGION-TOO-LARGE",
                f"the outlines cross the rows of the image more than {MOST_CROSSINGS:,} times",
                where=label,
                hint="Outlines that run to and fro are damaged: export the structure set again.",
            )
        along = index[:, 2] * spacing_z
        if float(np.ptp(along)) > 2 * PLANAR_TOLERANCE_MM:
            raise tilt_error([contour], geometry, label)
        placed.append((float(along.mean()), contour.kind == EXCLUSIVE, snap(index[:, :2])))
    placed.sort(key=lambda item: item[0])
    groups: list[list[tuple[float, bool, Ring]]] = []
    for item in placed:
        if groups and item[0] - groups[-1][-1][0] <= SAME_PLANE_MM:
            groups[-1].append(item)
        else:
            groups.append([item])
    planes = []
    left = MOST_COMPARED
    for group in groups:
        closed = [ring for _, exclusive, ring in group if not exclusive]
        exclusive = [ring for _, exclusive, ring in group if exclusive]
        position = float(np.mean([item[0] for item in group]))
        nestings = nest(closed, left), nest(exclusive, left)
        left -= sum(nesting.n_compared for nesting in nestings)
        if left < 0:
            raise RegionError(
                "REGION-TOO-LARGE",
                f"more than {MOST_COMPARED:,} pairs of contours overlap",
                where=label,
                hint="Draw structures of their own as ROIs of their own.",
            )
        planes.append(ContourPlane(position, closed, exclusive, *nestings))
    return planes


def tilt_error(contours: Sequence[Contour], geometry: Geometry, label: str) -> RegionError:
    """Return the error for contours that leave their plane, or are not parallel to the slices."""
    normals = [own_normal(contour.points_mm) for contour in contours]
    wide = max(
        float(np.ptp(contour.points_mm @ normal))
        for contour, normal in zip(contours, normals, strict=True)
    )
    if wide > 2 * PLANAR_TOLERANCE_MM:
        return RegionError(
            "REGION-CONTOUR-NOT-PLANAR",
            f"expected the vertices of a contour on one plane, found {wide:.2f} mm between them "
            "across it",
            where=label,
            hint="Correct the contours where they were drawn, and export them again.",
        )
    cosine = min(abs(float(normal @ geometry.normal)) for normal in normals)
    angle = float(np.degrees(np.arccos(min(cosine, 1.0))))
    across = max(float(np.ptp(contour.points_mm @ geometry.normal)) for contour in contours)
    return RegionError(
        "REGION-CONTOUR-TILTED",
        f"expected contours parallel to the slices of the image, found {angle:.1f} degrees "
        f"between them ({across:.2f} mm across a slice)",
        where=label,
        hint="Use the series that the contours were drawn on, or set 'other_grid: resample' in "
        "the analysis protocol.",
    )


def own_normal(points_mm: FloatArray) -> FloatArray:
    """Return the unit vector across the plane that fits some points best."""
    centred = points_mm - points_mm.mean(axis=0)
    normal: FloatArray = np.linalg.svd(centred, full_matrices=False)[2][-1]
    return normal


def _window(stack: Stack, geometry: Geometry) -> PixelWindow:
    """Return the pixels of the image that the used contours can reach."""
    _, rows, columns = geometry.shape
    used = set(stack.plane_of_slice.values())
    rings = [ring for i in used for ring in stack.planes[i].closed + stack.planes[i].exclusive]
    own = [window_of(ring) for ring in rings]
    first_row = max(min((w.row for w in own), default=0), 0)
    first_column = max(min((w.column for w in own), default=0), 0)
    last_row = min(max((w.row + w.rows for w in own), default=0), rows)
    last_column = min(max((w.column + w.columns for w in own), default=0), columns)
    return PixelWindow(
        first_row,
        first_column,
        max(last_row - first_row, 0),
        max(last_column - first_column, 0),
    )


def _draw_slices(stack: Stack, window: PixelWindow) -> tuple[Crop, dict[int, SliceMask]]:
    """Return the mask from the first to the last slice, and views of its slices."""
    if not stack.plane_of_slice:
        return Crop(np.zeros((0, 0, 0), dtype=np.bool_)), {}
    first, last = min(stack.plane_of_slice), max(stack.plane_of_slice)
    volume = np.zeros((last - first + 1, window.rows, window.columns), dtype=np.bool_)
    slices = {}
    for index, number in stack.plane_of_slice.items():
        plane = stack.planes[number]
        volume[index - first] = plane.draw(window)
        slices[index] = SliceMask(plane.position_mm, volume[index - first])
    return Crop(volume, (first, window.row, window.column)), slices


def _contour_audit(contours: Sequence[Contour], stack: Stack) -> dict[str, AuditValue]:
    kinds = Counter(contour.kind for contour in contours)
    drawn = sum(len(plane.closed) + len(plane.exclusive) for plane in stack.planes)
    return {
        "contour_types": ";".join(sorted(kinds)),
        "n_contours": len(contours),
        "n_contours_skipped": len(contours) - drawn,
        "n_planes": len(stack.planes),
        "n_planes_unused": stack.n_unused,
        "n_planes_outside": stack.n_outside,
        "plane_spacing_mm": stack.plane_spacing_mm,
        "off_plane_mm": stack.off_plane_mm,
        "n_holes": sum(plane.nesting.n_holes for plane in stack.planes),
        "n_xor": sum(len(plane.exclusive) for plane in stack.planes),
        "n_unions": sum(plane.nesting.n_crossing for plane in stack.planes),
        "n_duplicates": sum(plane.nesting.n_duplicates for plane in stack.planes),
    }


def _volume_audit(
    stack: Stack, bridged: Mapping[int, BoolArray], geometry: Geometry
) -> dict[str, AuditValue]:
    """Return volumes that do not depend on voxels, and what the image cuts off.

    The polygon volume joins neighbouring planes linearly and lets the first and
    the last reach half a plane outwards. The area-fraction volume counts each
    voxel of the image by the part of it that the contours cover.
    """
    _, rows, columns = geometry.shape
    image = PixelWindow(0, 0, rows, columns)
    spacing_x, spacing_y, spacing_z = geometry.spacing_mm
    pixel_mm2 = spacing_x * spacing_y
    areas = [plane.area() for plane in stack.planes]
    in_image = [
        plane.area(image) if stack.is_inside[i] else 0.0 for i, plane in enumerate(stack.planes)
    ]
    covered = sum(in_image[plane] for plane in stack.plane_of_slice.values())
    covered += sum(int(np.count_nonzero(mask)) for mask in bridged.values())
    total = sum(areas)
    slab = min(stack.plane_spacing_mm or spacing_z, spacing_z)
    thickness = [slab] * len(areas)
    for i, (lower, upper) in enumerate(pairwise(stack.planes)):
        step = upper.position_mm - lower.position_mm
        if step <= 1.5 * slab or (bridged and _is_bridged(lower, upper, bridged, spacing_z)):
            thickness[i] += (step - slab) / 2
            thickness[i + 1] += (step - slab) / 2
    volume = sum(a * t for a, t in zip(areas, thickness, strict=True))
    return {
        "clipped_fraction": max(0.0, 1.0 - sum(in_image) / total) if total else 0.0,
        "polygon_volume_mm3": volume * pixel_mm2,
        "area_fraction_volume_mm3": covered * pixel_mm2 * spacing_z,
    }


def _is_bridged(
    lower: ContourPlane,
    upper: ContourPlane,
    bridged: Mapping[int, BoolArray],
    spacing_z: float,
) -> bool:
    return any(lower.position_mm < index * spacing_z < upper.position_mm for index in bridged)
