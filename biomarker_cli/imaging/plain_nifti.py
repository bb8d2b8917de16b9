"""Read the headers of NIfTI files that have nothing odd about them.

nibabel judges every kind of NIfTI, and takes longer to load than most files to
read. Nearly all files are of one kind: NIfTI-1, little-endian, three axes, whole
header, no scaling. Their headers are read here; of any other nothing is said, so
that nibabel reads or refuses it.

References
----------
NIfTI-1 data format, nifti1.h: the fields of the header and of the sform.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray

FIRST_VOXEL = 352
"""Where voxels begin in a file without extensions: behind 348 bytes and four zeros."""

_FIELDS = struct.Struct("<i36x8h14xhh2x8ffff3xB128x2h18f16x4s4s")
"""sizeof_hdr, dim, datatype, bitpix, pixdim, vox_offset, scl_slope, scl_inter, xyzt_units,
qform_code, sform_code, the quaternion with its offset and the rows of the sform, magic, and
whether extensions follow."""

_TYPES = {
    2: "u1",
    4: "<i2",
    8: "<i4",
    16: "<f4",
    64: "<f8",
    256: "i1",
    512: "<u2",
    768: "<u4",
    1024: "<i8",
    1280: "<u8",
}

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}
_TIME_UNITS = frozenset(range(0, 56, 8))
_SPACE_CODES = range(6)

_NO_ANGLE = 3 * float(np.finfo(np.float32).eps)
"""What is left of the length of a quaternion in float32 is zero below this."""


@dataclass(frozen=True)
class PlainHeader:
    """What a header without oddities says.

    Attributes
    ----------
    shape : tuple of int
        Voxels ``(x, y, z)``.
    dtype : str
    sform, qform : ndarray, shape (4, 4), or None
        From indices ``(x, y, z, 1)`` to RAS, in the unit of the file, where it has them.
    mm_per_unit : float
    widths : tuple of float
        Of a voxel along its axes, in the unit of the file, as the header says them
        beside the affines.
    """

    shape: tuple[int, int, int]
    dtype: str
    sform: FloatArray | None
    qform: FloatArray | None
    mm_per_unit: float
    widths: tuple[float, float, float]

    @property
    def n_bytes(self) -> int:
        """Size of the file when it is inflated."""
        return FIRST_VOXEL + math.prod(self.shape) * np.dtype(self.dtype).itemsize


def plain_header(content: bytes) -> PlainHeader | None:
    """Return what the first bytes of a file say, or None where anything is odd.

    Whatever nibabel would mend, warn of or refuse is odd.
    """
    if len(content) < FIRST_VOXEL:
        return None
    fields = _FIELDS.unpack_from(content)
    length, dim, (datatype, bitpix) = fields[0], fields[1:9], fields[9:11]
    pixdim, (offset, slope, inter, units) = fields[11:19], fields[19:23]
    (qform_code, sform_code), place = fields[23:25], fields[25:43]
    magic, extension = fields[43:]
    dtype = _TYPES.get(datatype, "")
    is_plain = (
        length == FIRST_VOXEL - 4
        and magic == b"n+1\0"
        and offset == FIRST_VOXEL
        and extension == bytes(4)
        and dim[0] == 3
        and min(dim[1:4]) > 0
        and dtype != ""
        and bitpix == 8 * np.dtype(dtype).itemsize
        and pixdim[0] in (-1.0, 1.0)
        and all(0.0 < width < math.inf for width in pixdim[1:4])
        and (slope == 0.0 or math.isnan(slope) or (slope == 1.0 and inter == 0.0))
        and units % 8 in _MM_PER_UNIT
        and units - units % 8 in _TIME_UNITS
        and sform_code in _SPACE_CODES
        and qform_code in _SPACE_CODES
        and all(map(math.isfinite, place))
    )
    if not is_plain:
        return None
    qform = _qform(pixdim[:4], place[:6]) if qform_code else None
    if qform_code and qform is None:
        return None
    sform = np.array([*place[6:], 0.0, 0.0, 0.0, 1.0]).reshape(4, 4) if sform_code else None
    nx, ny, nz = dim[1:4]
    return PlainHeader((nx, ny, nz), dtype, sform, qform, _MM_PER_UNIT[units % 8], pixdim[1:4])


def _qform(pixdim: tuple[float, ...], place: tuple[float, ...]) -> FloatArray | None:
    """Return the affine of the quaternion; None where it is longer than a rotation.

    Digit by digit as nibabel does, in its order and its precision.
    """
    vector = np.asarray(place[:3], dtype=np.longdouble)
    rest = 1.0 - vector @ vector
    if rest <= -_NO_ANGLE:
        return None
    w = np.sqrt(rest) if rest >= _NO_ANGLE else np.longdouble(0)
    x, y, z = vector
    twice = 2.0 / (w * w + x * x + y * y + z * z)
    x2, y2, z2 = x * twice, y * twice, z * twice
    rotation = np.array(
        [
            [1.0 - (y * y2 + z * z2), x * y2 - w * z2, x * z2 + w * y2],
            [x * y2 + w * z2, 1.0 - (x * x2 + z * z2), y * z2 - w * x2],
            [x * z2 - w * y2, y * z2 + w * x2, 1.0 - (x * x2 + y * y2)],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation * (pixdim[1], pixdim[2], pixdim[3] * pixdim[0])
    affine[:3, 3] = place[3:]
    return affine
