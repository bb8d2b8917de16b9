"""Masks of the lesions of a visit in the space of the baseline, by what a run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.anatomy import overlap_percent, region_points_mm, transformed
from biomarker_cli.registration.carrying import on_target
from biomarker_cli.registration.linear_parts import inverse_of
from biomarker_cli.registration.recorded import Imaged, Link, Registrations
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.matching import Placed
from biomarker_cli.tables.export.joint_cases import JointCase
from biomarker_cli.tables.kept import case_folder, read_index_of, read_mask

SHOWN_FROM_PERCENT = 50.0
"""Below it a lesion that has no ROI may lie outside what the visit shows."""


@dataclass(frozen=True, eq=False)
class MaskedVisit:
    """The masks of a case of a visit.

    Attributes
    ----------
    case : JointCase
    regions : tuple of Region
        Those that have voxels, by name.
    """

    case: JointCase
    regions: tuple[Region, ...]

    @property
    def geometry(self) -> Geometry | None:
        """Grid of the image; None where no mask tells it."""
        return self.regions[0].geometry if self.regions else None

    @property
    def imaged(self) -> Imaged:
        """Where its image claims to lie."""
        return Imaged(self.case.series_uid, self.case.frame_uid)


@dataclass(frozen=True, eq=False)
class PlacedVisit:
    """The ROIs of a visit in the space of the baseline.

    Attributes
    ----------
    rois : tuple of Placed
    link : Link
        From the baseline to the visit.
    unseen : frozenset of str
        ROIs that the image of the baseline does not show.
    geometry : Geometry or None
        Grid of the visit.
    """

    rois: tuple[Placed, ...]
    link: Link
    unseen: frozenset[str]
    geometry: Geometry | None

    def shows(self, points_mm: FloatArray) -> bool:
        """Return whether the visit shows most points of a lesion; also where nothing tells it."""
        if self.geometry is None:
            return True
        return overlap_percent(self.link.matrix, points_mm, self.geometry) >= SHOWN_FROM_PERCENT


def masked_visit(run: Path, case: JointCase) -> MaskedVisit:
    """Return the masks that a run keeps of a case.

    Raises
    ------
    TableError, KeptFileError
        ``KEPT-NOT-FOUND``, ``KEPT-DAMAGED``.
    ResponseError
        ``RESPONSE-MATCH-GRIDS`` where masks of one case lie on several grids.
    """
    index = read_index_of(run, case.case_id, case.result_key)
    index.require("masks")
    folder = case_folder(run, case.case_id)
    regions = [read_mask(folder, file).region for file in index.of_kind("masks")]
    found = sorted((one for one in regions if one.n_voxels), key=lambda one: one.name)
    if any(not one.geometry.same_grid(found[0].geometry) for one in found):
        raise ResponseError(
            "RESPONSE-MATCH-GRIDS",
            "the masks of the case lie on several grids",
            where=case.case_id,
            hint="Choose the image that lesions were drawn on with --role.",
        )
    return MaskedVisit(case, tuple(found))


def placed_at_baseline(baseline: MaskedVisit) -> list[Placed]:
    """Return the ROIs of the baseline as they are."""
    return [Placed(one.name, one.crop, _centroid_mm(one)) for one in baseline.regions]


def placed_visit(
    visit: MaskedVisit, baseline: MaskedVisit, registrations: Registrations
) -> PlacedVisit:
    """Return the ROIs of a visit, carried to the baseline.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NOT-NAMED``, ``REGISTRATION-NOT-TAKEN``, ``REGISTRATION-AMBIGUOUS``.
    """
    link = registrations.link(baseline.imaged, visit.imaged)
    target = baseline.regions[0].geometry
    back = inverse_of(link.matrix)
    rois = []
    unseen = set()
    for one in visit.regions:
        centre = transformed(back, _centroid_mm(one)[np.newaxis])[0]
        rois.append(Placed(one.name, on_target(one, back, target), centre))
        if overlap_percent(back, region_points_mm(one), target) < SHOWN_FROM_PERCENT:
            unseen.add(one.name)
    return PlacedVisit(tuple(rois), link, frozenset(unseen), visit.geometry)


def role_of_masks(run: Path, cases: Mapping[str, JointCase], wanted: str) -> str:
    """Return the role whose masks are matched: the one that is asked for, or the only one.

    Raises
    ------
    ResponseError
        ``RESPONSE-MATCH-ROLE`` where several roles, or none, have ROIs.
    """
    there = sorted({case.role for case in cases.values() if case.rois})
    if wanted in there or (not wanted and len(there) == 1):
        return wanted or there[0]
    raise ResponseError(
        "RESPONSE-MATCH-ROLE",
        f"expected one role with ROIs{f', {wanted}' if wanted else ''}, found "
        f"{', '.join(there) or 'none'}",
        where=str(run),
        hint="Say --role: the image that lesions were drawn on.",
    )


def points_of(placed: Placed, target: Geometry) -> FloatArray:
    """Return voxel centres of a mask on the grid of the baseline, LPS mm, shape (n, 3)."""
    if not placed.crop.mask.size:
        return placed.centroid_mm[np.newaxis]
    return region_points_mm(Region(placed.crop, target, placed.name, placed.name))


def _centroid_mm(region: Region) -> FloatArray:
    return np.asarray(region.points_mm.mean(axis=0))
