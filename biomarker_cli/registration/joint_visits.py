"""The maps of a visit on one grid: that of the coarsest of them, voxel by voxel of its ROIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.kept_masks import geometry_from_plain
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.quantity import QUANTITIES
from biomarker_cli.registration.anatomy import transformed
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.recorded import Imaged, Link, Registrations
from biomarker_cli.registration.sampling import NO_MAP, NOT_REGISTERED, Sampled, sample_at
from biomarker_cli.tables.export.joint_cases import JointCase
from biomarker_cli.tables.kept import KeptFile, KeptIndex, case_folder, read_map, read_mask


@dataclass(frozen=True, order=True)
class MapColumn:
    """What a column of voxels holds: one map of one role, by one analysis.

    Attributes
    ----------
    map_name, role, analysis_id, quantity : str
    """

    map_name: str
    role: str
    analysis_id: str
    quantity: str

    @property
    def unit(self) -> str:
        """UCUM code of its values."""
        return QUANTITIES[self.quantity].unit


@dataclass(frozen=True, eq=False)
class VisitMap:
    """A kept map of a visit."""

    column: MapColumn
    case: JointCase
    file: KeptFile
    geometry: Geometry


@dataclass(frozen=True, eq=False)
class JoinedRegion:
    """A ROI of the grid, with what every map shows at its voxels.

    Attributes
    ----------
    roi_id : str
    points_mm : ndarray, shape (n, 3)
        Centres of its voxels, LPS.
    values : mapping
        Column -> values and places, where the visit has the map.
    """

    roi_id: str
    points_mm: FloatArray
    values: Mapping[MapColumn, Sampled]


@dataclass
class JoinedVisit:
    """The maps of a visit on one grid.

    Attributes
    ----------
    grid : VisitMap or None
        The coarsest: the largest voxels, the first by case and map among equals.
    regions : list of JoinedRegion
    links : dict
        Column -> how its image was brought there.
    faults : dict
        Column, or None for the visit -> why it is not.
    """

    cases: Sequence[JointCase]
    grid: VisitMap | None = None
    regions: list[JoinedRegion] = field(default_factory=list)
    links: dict[MapColumn, Link] = field(default_factory=dict)
    faults: dict[MapColumn | None, BiomarkerError] = field(default_factory=dict)


def maps_of(
    case: JointCase, index: KeptIndex, analyses: frozenset[str], where: str
) -> Iterator[VisitMap]:
    """Yield the kept maps of a case, of some analyses or of all where none is named.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NO-MAP`` where the index does not say what a map is.
    """
    for file in index.of_kind("maps"):
        if analyses and not {file.analysis_id, file.analysis_id.partition("@")[0]} & analyses:
            continue
        column = MapColumn(file.map_name, case.role, file.analysis_id, file.quantity)
        try:
            geometry = geometry_from_plain(file.geometry or {})
            if file.quantity not in QUANTITIES:
                raise ValueError(file.quantity)  # noqa: TRY301
        except (ValueError, TypeError, KeyError) as error:
            raise RegistrationError(
                "REGISTRATION-NO-MAP",
                "the index of what is kept does not say what a map is, or where it lies",
                where=where,
            ) from error
        yield VisitMap(column, case, file, geometry)


def join_visit(
    run: Path,
    cases: Sequence[JointCase],
    maps: Sequence[VisitMap],
    indices: Mapping[str, KeptIndex],
    registrations: Registrations,
    rois: frozenset[str],
) -> JoinedVisit:
    """Return the maps of a visit at the voxels of the ROIs of the coarsest one.

    One map stands in memory at a time.

    Parameters
    ----------
    run : Path
    cases : sequence of JointCase
        Of the visit.
    maps : sequence of VisitMap
        That they kept; at least one.
    indices : mapping
        Case -> what is kept of it.
    registrations : Registrations
    rois : frozenset of str
        Empty for all.
    """
    grid = min(maps, key=lambda one: (-one.geometry.voxel_volume_mm3, one.case.case_id, one.column))
    visit = JoinedVisit(cases, grid)
    try:
        regions = _regions(run, grid, indices[grid.case.case_id], rois)
    except BiomarkerError as error:
        visit.faults[None] = error
        return visit
    points = [one.points_mm for one in regions]
    values: list[dict[MapColumn, Sampled]] = [{} for _ in regions]
    for one in maps:
        found = _sampled(run, one, grid, points, registrations, visit)
        for of_region, sampled in zip(values, found, strict=True):
            of_region[one.column] = sampled
    visit.regions = [
        JoinedRegion(region.name, at, of_region)
        for region, at, of_region in zip(regions, points, values, strict=True)
    ]
    return visit


def _sampled(
    run: Path,
    one: VisitMap,
    grid: VisitMap,
    points: Sequence[FloatArray],
    registrations: Registrations,
    visit: JoinedVisit,
) -> list[Sampled]:
    place = NOT_REGISTERED
    try:
        if one.case.case_id == grid.case.case_id:
            link = Link("", np.eye(4))
        else:
            link = registrations.link(imaged(grid.case), imaged(one.case))
        place = NO_MAP
        volume = read_map(case_folder(run, one.case.case_id), one.file)
    except BiomarkerError as error:
        visit.faults[one.column] = error
        return [Sampled.without(len(at), place) for at in points]
    visit.links[one.column] = link
    array = volume.as_float64()
    return [sample_at(array, volume.geometry, transformed(link.matrix, at)) for at in points]


def imaged(case: JointCase) -> Imaged:
    """Return where the image of a case claims to lie."""
    return Imaged(case.series_uid, case.frame_uid)


def _regions(run: Path, grid: VisitMap, index: KeptIndex, rois: frozenset[str]) -> list[Region]:
    """Return the regions of the grid; each lies on it."""
    files = [one for one in index.of_kind("masks") if not rois or one.roi_id in rois]
    folder = case_folder(run, grid.case.case_id)
    found = []
    for file in sorted(files, key=lambda one: one.roi_id):
        region = read_mask(folder, file).region
        if not region.geometry.same_grid(grid.geometry):
            raise RegistrationError(
                "REGISTRATION-OTHER-GRID",
                f"the mask of {file.roi_id} and the map {grid.column.map_name} lie on two grids: "
                f"{region.geometry.difference(grid.geometry)}",
                where=grid.case.case_id,
            )
        if region.n_voxels:
            found.append(region)
    if not found:
        raise RegistrationError(
            "REGISTRATION-NO-ROI",
            "the case with the coarsest map keeps no mask of a ROI that is asked for",
            where=grid.case.case_id,
            hint="Write `keep: [masks, maps]` into the study, and run it again.",
        )
    return found


def figures(visit: JoinedVisit) -> Iterator[dict[str, Any]]:
    """Yield what became of each map of a visit at each ROI, or of the visit as a whole."""
    grid = visit.grid.case.case_id if visit.grid else ""
    if None in visit.faults:
        yield {"grid_case_id": grid, "error": visit.faults[None]}
        return
    for region in visit.regions:
        for column, sampled in region.values.items():
            link = visit.links.get(column)
            yield {
                "grid_case_id": grid,
                "roi_id": region.roi_id,
                "column": column,
                "registration_id": link.registration_id if link else "",
                "n_voxels": len(sampled.values),
                "overlap_percent": sampled.overlap_percent if link else None,
                "without_value_percent": sampled.without_value_percent,
                "error": visit.faults.get(column),
            }
