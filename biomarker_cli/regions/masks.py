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
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.regions.result import RoiResult

_UNSAFE = re.compile(r"[^\w.+#-]+")

_MOST_BYTES = 200
"""Of a name; file systems take 255, with the number of an equal name and the suffix."""

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


class FileNames:
    """Hands out a file name for each ROI, none of them twice (in any case)."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def of(self, roi_id: str) -> str:
        """Return the name for a ROI, without suffix."""
        base = _cut(_UNSAFE.sub("_", roi_id)).strip("._") or "roi"
        name, number = base, self._next.get(base.casefold(), 2)
        while name.casefold() in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._next[base.casefold()] = number
        self._taken.add(name.casefold())
        return name


def _cut(name: str) -> str:
    """Return as much of a name as file systems take, in whole characters."""
    return name.encode()[:_MOST_BYTES].decode(errors="ignore")
