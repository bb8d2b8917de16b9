"""Read NIfTI files: their voxels, and the one place in the patient that they tell.

References
----------
NIfTI-1 data format, nifti1.h, and NIfTI-2, nifti2.h: fields of the headers; methods 2
(qform) and 3 (sform) of orientation; pixdim.
"""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.inflating import DAMAGE, MOST_INFLATED, beginning, gathered, inflated
from biomarker_cli.imaging.placing import RAS_TO_LPS, grid_of
from biomarker_cli.imaging.plain_nifti import FIRST_VOXEL, PlainHeader, plain_header
from biomarker_cli.imaging.refusals import bad_geometry, bad_shape, too_large, unreadable
from biomarker_cli.imaging.stored import MOST_HEADER_BYTES
from biomarker_cli.model.arrays import AnyArray, ByteArray, FloatArray
from biomarker_cli.model.inputs import MOST_BYTES

TRANSFORM_TOLERANCE_MM = 1e-2
"""Largest distance between a corner placed by the sform and by the qform."""

SCALE_TOLERANCE = 1e-3
"""Largest part by which the width of a voxel in pixdim and in the sform may differ."""

_MM_PER_UNIT = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 1e-3}

_BITS = {
    2: 8,
    4: 16,
    8: 32,
    16: 32,
    64: 64,
    256: 8,
    512: 16,
    768: 32,
    1024: 64,
    1280: 64,
    1536: 128,
}
"""Bits of each type of one number per voxel, by its code."""

_SECOND = 540
_SECOND_HEAD = 544
_MAGIC = {FIRST_VOXEL - 4: b"n+1\0", _SECOND: b"n+2\0\r\n\x1a\n"}


@dataclass(frozen=True)
class _Promise:
    """What the header of any NIfTI file says of its size, before anything is read.

    Attributes
    ----------
    version : int
        1 or 2.
    n_bytes : int
        Size of the file when it is inflated.
    widths : tuple of float
        pixdim of the three axes, in the unit of the file.
    """

    version: int
    n_bytes: int
    widths: tuple[float, float, float]


def read_nifti(path: Path, content: memoryview) -> tuple[AnyArray, Geometry]:
    """Return voxels and grid of a NIfTI file.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``.
    content : memoryview
        Its bytes.

    Returns
    -------
    tuple of (ndarray, Geometry)
        Voxels of shape (z, y, x), in the type of the file, or float64 where it scales.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE``, ``IMAGE-FILE-SHAPE``, ``IMAGE-FILE-GEOMETRY``,
        ``IMAGE-FILE-TOO-LARGE``.
    """
    is_packed = path.name.lower().endswith(".gz")
    try:
        pieces = inflated(content, "gzip") if is_packed else iter([bytes(content[:_SECOND_HEAD])])
        head = beginning(pieces, _SECOND_HEAD)
        told = plain_header(head)
        promise = _Promise(1, told.n_bytes, told.widths) if told else _promise(head, path)
        most = len(content) * (MOST_INFLATED if is_packed else 1)
        if promise.n_bytes > MOST_BYTES:
            raise too_large(
                path, f"{promise.n_bytes} bytes promised, at most {MOST_BYTES} are read"
            )
        if promise.n_bytes > most:
            raise EOFError(f"expected {promise.n_bytes} bytes, found {len(content)}")
        if is_packed:
            whole = gathered(pieces, promise.n_bytes, head)
        elif len(content) > promise.n_bytes:
            raise ValueError(f"expected {promise.n_bytes} bytes, found {len(content)}")
        else:
            whole = np.frombuffer(content, dtype=np.uint8)
    except DAMAGE as error:
        raise unreadable(path, str(error) or type(error).__name__) from error
    if told:
        return _plain(told, whole, path)
    return _by_nibabel(promise, whole, path)


def _plain(told: PlainHeader, whole: ByteArray, path: Path) -> tuple[AnyArray, Geometry]:
    if not whole.flags.writeable:
        whole = whole.copy()
    voxels = whole[FIRST_VOXEL:].view(told.dtype).reshape(told.shape[::-1])
    affine = chosen_affine(told.sform, told.qform, told.shape, path)
    if told.sform is not None:
        _require_widths(told.sform, told.widths, path)
    affine[:3] *= told.mm_per_unit
    return _native(voxels), grid_of(told.shape, RAS_TO_LPS @ affine, path)


def _native(voxels: AnyArray) -> AnyArray:
    return np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("="))


def _promise(head: bytes, path: Path) -> _Promise:
    """Return what a header of either version and byte order says of sizes."""
    order = next((o for o in "<>" if head[:4] in (struct.pack(f"{o}i", n) for n in _MAGIC)), "")
    if not order:
        raise ValueError("it does not begin like a NIfTI file")
    (length,) = struct.unpack_from(f"{order}i", head)
    if len(head) < length:
        raise EOFError("the file ends within its header")
    if length == _SECOND:
        magic = head[4:12]
        datatype, bits, *dim = struct.unpack_from(f"{order}hh8q", head, 12)
        widths = struct.unpack_from(f"{order}3d", head, 112)
        (offset,) = struct.unpack_from(f"{order}q", head, 168)
    else:
        magic = head[344:348]
        dim = list(struct.unpack_from(f"{order}8h", head, 40))
        datatype, bits = struct.unpack_from(f"{order}hh", head, 70)
        widths = struct.unpack_from(f"{order}3f", head, 80)
        (offset,) = struct.unpack_from(f"{order}f", head, 108)
    if magic != _MAGIC[length]:
        raise ValueError("the header is not that of NIfTI in one file")
    n_axes = dim[0]
    sizes = dim[1 : n_axes + 1]
    if not 3 <= n_axes <= 7 or min(sizes) < 1 or set(sizes[3:]) - {1}:
        raise bad_shape(path, f"the sizes {tuple(sizes)}")
    if datatype not in _BITS:
        raise bad_shape(path, f"voxels of the type {datatype}")
    if bits not in (0, _BITS[datatype]):
        raise ValueError(f"expected {_BITS[datatype]} bits per voxel, found {bits}")
    if not length + 4 <= offset <= MOST_HEADER_BYTES or offset != int(offset):
        raise ValueError(f"voxels cannot begin at byte {offset}")
    n_bytes = int(offset) + math.prod(sizes) * _BITS[datatype] // 8
    return _Promise(2 if length == _SECOND else 1, n_bytes, widths)


def _by_nibabel(promise: _Promise, whole: ByteArray, path: Path) -> tuple[AnyArray, Geometry]:
    import nibabel
    from nibabel.filebasedimages import ImageFileError as NiftiError
    from nibabel.spatialimages import HeaderDataError

    damage: tuple[type[Exception], ...] = (NiftiError, HeaderDataError, KeyError, *DAMAGE)
    kind: Any = nibabel.Nifti1Image if promise.version == 1 else nibabel.Nifti2Image
    try:
        # What it only warns of is judged below, or moves no number (sizes of extensions).
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            slope = kind.header_class.from_fileobj(BytesIO(whole.data), check=False)["scl_slope"]
            if np.isinf(slope):
                # nibabel takes it for none, as 0 and NaN are by convention.
                raise ValueError(f"scl_slope is {slope}")
            image: Any = kind.from_stream(BytesIO(whole.data))
            header = image.header
            array = np.asanyarray(image.dataobj)
            array = array.reshape(array.shape[:3])
            sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
        unit = header.get_xyzt_units()[0]
    except damage as error:
        raise unreadable(path, _last_line(error)) from error
    affine = chosen_affine(sform, qform, array.shape, path)
    if sform is not None:
        _require_widths(sform, promise.widths, path)
    elif not all(0.0 < width < math.inf for width in promise.widths):
        raise bad_geometry(path, f"the qform has voxels of {promise.widths} (pixdim)")
    affine[:3] *= _MM_PER_UNIT[unit]
    return _native(array.T), grid_of(array.shape, RAS_TO_LPS @ affine, path)


def chosen_affine(
    sform: FloatArray | None, qform: FloatArray | None, shape_xyz: tuple[int, ...], path: Path
) -> FloatArray:
    """Return the affine that places a NIfTI file; refuse none, and two that disagree.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-GEOMETRY``.
    """
    chosen = qform if sform is None else sform
    if chosen is None:
        raise bad_geometry(
            path, "neither sform nor qform is set, so its place in the patient is unknown"
        )
    if sform is not None and qform is not None:
        corners = np.array([(*np.multiply(c, shape_xyz), 1.0) for c in np.ndindex(2, 2, 2)])
        with np.errstate(all="ignore"):
            apart = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
        if not apart <= TRANSFORM_TOLERANCE_MM:
            raise bad_geometry(path, f"sform and qform disagree by up to {apart:.3g} mm")
    return np.array(chosen, dtype=np.float64)


def _require_widths(sform: FloatArray, widths: tuple[float, ...], path: Path) -> None:
    """Refuse an sform whose voxels have another width than pixdim says.

    A pixdim of zero says nothing.
    """
    with np.errstate(all="ignore"):
        scale = np.linalg.norm(np.asarray(sform, dtype=np.float64)[:3, :3], axis=0)
        said = np.asarray(widths, dtype=np.float64)
        agree = (said == 0.0) | (np.abs(scale - said) <= SCALE_TOLERANCE * scale)
    if not agree.all():
        found, told = (" x ".join(f"{w:.6g}" for w in ws) for ws in (scale, said))
        raise bad_geometry(path, f"the sform has voxels of {found}, pixdim says {told}")


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
