"""Write regions as NIfTI masks."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.nifti_head import nifti_head
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.file_names import FileNames
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.regions.result import RoiResult

_COMPRESSION = 1
"""Masks are nearly all zeros: a higher level takes four times as long."""


def write_masks(results: Iterable[RoiResult], folder: Path) -> dict[str, Path]:
    """Write each region as ``<roi_id>.nii.gz``: 1 inside, 0 outside.

    Parameters
    ----------
    results : iterable of RoiResult
        Those without a region are left out.
    folder : Path
        Made where it does not exist.

    Returns
    -------
    dict of Path
        By `roi_id`, in the order of the regions. Characters that do not belong in a
        file name are replaced by ``_``, long names are cut, and names that become equal
        are numbered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = FileNames()
    written = {}
    for result in results:
        if result.region is None:
            continue
        path = folder / f"{names.of(result.roi_id)}.nii.gz"
        write_mask(result.region, path)
        written[result.roi_id] = path
    return written


def write_mask(region: Region, path: Path) -> None:
    """Write a region as compressed NIfTI-1, slice by slice, the same bytes every time."""
    with (
        whole_file(path) as file,
        gzip.GzipFile(
            filename="", mode="wb", fileobj=file, mtime=0, compresslevel=_COMPRESSION
        ) as packed,
    ):
        packed.write(nifti_head(region.geometry, np.uint8))
        for plane in _planes(region):
            packed.write(plane)


def _planes(region: Region) -> Iterator[bytes]:
    """Yield the bytes of each slice of the image; x runs fastest, as NIfTI has it."""
    n_slices, *size = region.geometry.shape
    z, y, x = region.box
    blank = bytes(size[0] * size[1])
    for index in range(n_slices):
        if not z.start <= index < z.stop:
            yield blank
            continue
        plane = np.zeros(size, dtype=np.uint8)
        plane[y, x] = region.crop.mask[index - z.start]
        yield plane.tobytes()
