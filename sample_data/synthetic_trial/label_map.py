"""NIfTI label map of the DWI spheres, in RAS voxel order, with its name table."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from synthetic_trial import phantom
from synthetic_trial.trial import Grid, Visit

_BLOCK = 65535


def stored_gzip(data: bytes) -> bytes:
    """Return ``data`` as a gzip member of stored blocks (RFC 1951, 1952).

    Compressors differ between builds of zlib; uncompressed blocks, without a
    name and with time 0, are the same bytes everywhere.
    """
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(data), _BLOCK):
        chunk = data[start : start + _BLOCK]
        last = int(start + _BLOCK >= len(data))
        parts.append(struct.pack("<BHH", last, len(chunk), len(chunk) ^ 0xFFFF) + chunk)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def ras_affine(grid: Grid) -> phantom.Floats:
    """Return the affine of the array flipped along x and y, in RAS mm."""
    nx, ny, _ = grid.size
    dx, dy, dz = grid.spacing_mm
    affine = np.diag([dx, dy, dz, 1.0])
    affine[0, 3] = -(grid.origin_mm[0] + (nx - 1) * dx)
    affine[1, 3] = -(grid.origin_mm[1] + (ny - 1) * dy)
    affine[2, 3] = grid.z_mm(0)
    return affine


def write_label_map(visit: Visit, path: Path) -> None:
    """Write ``path`` (.nii.gz) and its ``.labels.csv``, by voxel-centre inclusion."""
    grid = visit.dwi_grid
    nx, ny, nz = grid.size
    labels = np.zeros((nz, ny, nx), dtype=np.uint8)
    for n, ball in enumerate(visit.dwi_balls, start=1):
        labels[phantom.inside(grid, ball)] = n
    # NIfTI arrays run x, y, z; the flips turn LPS voxel order into RAS.
    ras = labels.transpose(2, 1, 0)[::-1, ::-1, :]
    nifti1: Any = nib.Nifti1Image  # untyped in nibabel
    image = nifti1(np.ascontiguousarray(ras), ras_affine(grid))
    image.set_qform(ras_affine(grid), code=1)
    image.set_sform(ras_affine(grid), code=1)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stored_gzip(image.to_bytes()))
    rows = ["value,name", *(f"{n},{b.label}" for n, b in enumerate(visit.dwi_balls, start=1))]
    sidecar = path.with_name(path.name.removesuffix(".nii.gz") + ".labels.csv")
    sidecar.write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
