"""Write regions as NIfTI masks."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.placing import RAS_TO_LPS
from biomarker_cli.imaging.region import Region
from biomarker_cli.regions.result import RoiResult

_UNSAFE = re.compile(r"[^\w.+#-]+")

_COMPRESSION = 1
"""Masks are nearly all zeros: a higher level takes four times as long."""


def write_masks(results: Iterable[RoiResult], folder: Path) -> list[Path]:
    """Write each region as ``<roi_id>.nii.gz``: 1 inside, 0 outside.

    Parameters
    ----------
    results : iterable of RoiResult
        Those without a region are left out.
    folder : Path
        Made where it does not exist.

    Returns
    -------
    list of Path
        In the order of the regions. Characters that do not belong in a file
        name are replaced by ``_``; names that become equal are numbered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    written = []
    for result in results:
        if result.region is None:
            continue
        name = file_name(result.roi_id, taken)
        taken.add(name.casefold())
        path = folder / f"{name}.nii.gz"
        write_mask(result.region, path)
        written.append(path)
    return written


def write_mask(region: Region, path: Path) -> None:
    """Write a region as compressed NIfTI-1, slice by slice, the same bytes every time."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(
            filename="", mode="wb", fileobj=file, mtime=0, compresslevel=_COMPRESSION
        ) as packed,
    ):
        packed.write(_header(region.geometry))
        for plane in _planes(region):
            packed.write(plane)


def _header(geometry: Geometry) -> bytes:
    """Return the header, with the four bytes that say that nothing follows it."""
    import nibabel

    affine = RAS_TO_LPS @ geometry.affine
    header = nibabel.Nifti1Header()
    header.set_data_shape(geometry.shape[::-1])
    header.set_data_dtype(np.uint8)
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")
    header.set_xyzt_units("mm")
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    return bytes(header.binaryblock) + bytes(4)


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


def file_name(roi_id: str, taken: set[str]) -> str:
    """Return a file name for a ROI that is none of those taken (in any case)."""
    base = _UNSAFE.sub("_", roi_id).strip("._") or "roi"
    name, number = base, 2
    while name.casefold() in taken:
        name, number = f"{base}_{number}", number + 1
    return name
