"""Suite ``regions``: where voxels lie, and which of them contours and masks hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray, IntArray
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.instances import ObjectGrid, uid_of
from biomarker_cli.multicentre.objects.rtstruct import write_rtstruct
from biomarker_cli.multicentre.objects.seg import write_seg
from biomarker_cli.multicentre.qualification.bench import Bench, named, one_volume, regions_on
from biomarker_cli.multicentre.qualification.checks import (
    Expected,
    Found,
    KnownCheck,
    SuiteResult,
    compared,
    refusal,
)
from biomarker_cli.multicentre.qualification.truths import regions as truth
from biomarker_cli.regions.result import RoiResult
from biomarker_cli.regions.rules import RegionRules

NAME = "regions"

_GRIDS = {"straight": truth.GRID, "oblique": truth.OBLIQUE}


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    checks: list[KnownCheck] = []
    for prefix, grid in _GRIDS.items():
        folder = bench.folder / prefix
        images = write_ct(folder / "ct", grid, _hu(), truth.SUBJECT)
        checks += compared(
            NAME,
            truth.expected_volume(prefix),
            partial(_volume, folder, prefix, grid),
        )
        drawn = [one for each in truth.DRAWN for one in each.expected(prefix, grid)]
        checks += compared(NAME, drawn, partial(_drawn, folder, prefix, grid))
        filled = truth.INTERPOLATED.expected(prefix, grid)
        checks += compared(NAME, filled, partial(_filled, folder, prefix, grid))
        checks += _masks(folder, prefix, grid, images)
    straight = bench.folder / "straight"
    checks += compared(
        NAME, [truth.OTHER_FRAME], lambda: {truth.OTHER_FRAME.name: _other_frame(straight)}
    )
    return SuiteResult(NAME, tuple(checks))


def _hu() -> FloatArray:
    z, y, x = np.indices(truth.GRID.shape)
    return np.asarray(480.0 * z + 24.0 * y + x - 1000.0)


def _volume(folder: Path, prefix: str, grid: ObjectGrid) -> Mapping[str, Found]:
    volume = one_volume(folder / "ct")
    geometry = volume.geometry
    found: dict[str, Found] = {f"{prefix}: slices": float(geometry.shape[0])}
    for axis, spacing, origin in zip("xyz", geometry.spacing_mm, geometry.origin_mm, strict=True):
        found[f"{prefix}: distance along {axis}"] = spacing
        found[f"{prefix}: origin {axis}"] = origin
    for name, place in truth.marks(grid).items():
        found[f"{prefix}: {name}"] = _at(volume, place)
    return found


def _at(volume: Volume, place: tuple[float, float, float]) -> float | None:
    """Return the value of the voxel at a place in mm; None where none lies there."""
    x, y, z = np.rint(volume.geometry.physical_to_index(place)).astype(int)
    inside = all(0 <= i < n for i, n in zip((z, y, x), volume.array.shape, strict=True))
    return float(volume.array[z, y, x]) if inside else None


def _told(name: str, region: Region) -> dict[str, Found]:
    """Return count, volume and place of a region."""
    index = np.argwhere(region.mask).mean(axis=0)[::-1]
    centre = region.geometry.index_to_physical(index)
    found: dict[str, Found] = {
        f"{name}, voxels": float(region.n_voxels),
        f"{name}, volume": region.volume_mm3,
    }
    return found | {
        f"{name}, centre {axis}": float(value) for axis, value in zip("xyz", centre, strict=True)
    }


def _of_result(name: str, result: RoiResult) -> dict[str, Found]:
    found: dict[str, Found] = {name: result.status}
    for column, value in result.audit.items():
        if isinstance(value, int | float):
            found[f"{name}, {column}"] = float(value)
    return found | (_told(name, result.region) if result.region is not None else {})


def _drawn(folder: Path, prefix: str, grid: ObjectGrid) -> Mapping[str, Found]:
    structures = [one.structure(grid) for one in truth.DRAWN]
    n_slices = grid.shape[0]
    path = write_rtstruct(
        folder / "rs.dcm", structures, truth.SUBJECT, n_slices=n_slices, change=_reverse
    )
    return _all_told(prefix, regions_on(one_volume(folder / "ct"), path))


def _all_told(prefix: str, results: Sequence[RoiResult]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for label, result in named(results).items():
        found |= _of_result(f"{prefix}: {label}", result)
    return found


def _reverse(dataset: Dataset, index: int) -> None:
    """Turn the order of the contours: they are paired by number."""
    del index
    dataset.ROIContourSequence = list(dataset.ROIContourSequence)[::-1]


def _filled(folder: Path, prefix: str, grid: ObjectGrid) -> Mapping[str, Found]:
    structures = [truth.INTERPOLATED.structure(grid)]
    path = write_rtstruct(folder / "gap.dcm", structures, truth.SUBJECT, n_slices=grid.shape[0])
    rules = RegionRules(gaps="interpolate")
    return _all_told(prefix, regions_on(one_volume(folder / "ct"), path, rules))


def _other_frame(folder: Path) -> str:
    def change(dataset: Dataset, index: int) -> None:
        del index
        other = uid_of("another frame of reference")
        dataset.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = other
        dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = other

    structure = truth.BOX.structure(truth.GRID)
    path = write_rtstruct(folder / "other.dcm", [structure], truth.SUBJECT, change=change)
    return refusal(lambda: regions_on(one_volume(folder / "ct"), path))


def _masks(folder: Path, prefix: str, grid: ObjectGrid, images: Sequence[Path]) -> list[KnownCheck]:
    """Return the checks of segmentations that are masks, all of them on the same blocks."""
    kinds = {
        "SEG, binary": (_binary, truth.BLOCKS),
        "SEG, fractional": (_fractional, truth.BLOCKS[:1]),
        "SEG, label map": (_label_map, truth.APART),
        "NIfTI": (_nifti, truth.APART),
    }
    checks: list[KnownCheck] = []
    for kind, (write, blocks) in kinds.items():
        name = f"{prefix}, {kind}"
        path_of = partial(write, folder, grid, images)
        expected: list[Expected] = [one for b in blocks for one in b.expected(name, grid)]

        checks += compared(NAME, expected, partial(_mask, folder / "ct", name, path_of, blocks))
    return checks


def _mask(
    image: Path, name: str, path_of: Callable[[], Path], blocks: Sequence[truth.Filled]
) -> Mapping[str, Found]:
    results = regions_on(one_volume(image), path_of(), RegionRules(fractional_threshold=0.5))
    found: dict[str, Found] = {}
    for block, result in zip(blocks, results, strict=True):
        found |= _of_result(f"{name}: {block.name}", result)
    return found


def _block(block: truth.Filled) -> IntArray:
    found = np.zeros(truth.GRID.shape, dtype=np.int64)
    found[slice(*block.z), slice(*block.y), slice(*block.x)] = 1
    return found


def _labels(blocks: Sequence[truth.Filled]) -> IntArray:
    found = np.zeros(truth.GRID.shape, dtype=np.int64)
    for label, block in enumerate(blocks, start=1):
        found[_block(block) > 0] = label
    return found


def _binary(folder: Path, grid: ObjectGrid, images: Sequence[Path]) -> Path:
    del grid
    masks = np.stack([_block(block) > 0 for block in truth.BLOCKS])
    labels = [block.name for block in truth.BLOCKS]
    return write_seg(folder / "binary.dcm", images, masks, labels)


def _fractional(folder: Path, grid: ObjectGrid, images: Sequence[Path]) -> Path:
    """Write a block of 0.8 in surroundings of 0.3."""
    del grid
    part = np.where(_block(truth.BLOCKS[0]) > 0, 0.8, 0.3)
    return write_seg(folder / "part.dcm", images, part, ["first"], kind="FRACTIONAL")


def _label_map(folder: Path, grid: ObjectGrid, images: Sequence[Path]) -> Path:
    del grid
    names = [block.name for block in truth.APART]
    return write_seg(folder / "map.dcm", images, _labels(truth.APART), names, kind="LABELMAP")


def _nifti(folder: Path, grid: ObjectGrid, images: Sequence[Path]) -> Path:
    """Write a label image in RAS, as NIfTI has it: x and y run the other way."""
    import nibabel

    del images
    affine = np.eye(4)
    for column, (axis, step) in enumerate(
        zip((grid.row, grid.column, grid.normal), grid.spacing_mm, strict=True)
    ):
        affine[:3, column] = np.asarray(axis) * step
    affine[:3, 3] = grid.origin_mm
    affine[:2] *= -1.0
    path = folder / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(_labels(truth.APART).T.astype(np.uint8), affine), path)
    return path
