"""Voxels behind a text header: in its own file, or in the files that it names.

NRRD and MetaImage describe their voxels alike: a type, a byte order, an encoding, and
one file or many that are read one after the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.detached import DataFiles, held_in, paths_of
from biomarker_cli.imaging.inflating import DAMAGE, MOST_INFLATED, gathered, inflated
from biomarker_cli.imaging.refusals import detached, too_large, unreadable
from biomarker_cli.imaging.stored import Contents, content_of
from biomarker_cli.model.inputs import MOST_BYTES

NumberArray = npt.NDArray[np.number]

DEFLATED = frozenset({"gzip", "zlib"})

MOST_TEXT_BYTES = 256 * 1024**2
"""Numbers written out take many times their size while they are read."""


@dataclass(frozen=True)
class Voxels:
    """How the voxels behind a header are stored.

    Attributes
    ----------
    dtype : numpy.dtype
        With its byte order.
    shape : tuple of int
        The slowest axis first.
    encoding : str
        ``raw``, ``gzip``, ``zlib``, ``bzip2``, ``text`` or ``hex``.
    start : int
        Where they begin in the file of the header, if they lie there.
    files : DataFiles
    n_lines : int
        Lines before the voxels of each file.
    n_bytes : int
        Bytes before them, counted when they are inflated; -1: they lie at the end.
    packed_size : int or None
        Bytes that are compressed, where the header says how many.
    """

    dtype: np.dtype[np.number]
    shape: tuple[int, ...]
    encoding: str
    start: int
    files: DataFiles
    n_lines: int = 0
    n_bytes: int = 0
    packed_size: int | None = None

    @property
    def size(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def require_size(voxels: Voxels, path: Path) -> None:
    """Refuse what would take more memory than an image may, before any is taken.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-TOO-LARGE``.
    """
    if voxels.size > MOST_BYTES:
        raise too_large(
            path, f"{voxels.size} bytes of voxels promised, at most {MOST_BYTES} are read"
        )


def read_voxels(
    voxels: Voxels, path: Path, content: memoryview, contents: Contents | None
) -> NumberArray:
    """Return the voxels of a header in native byte order.

    Parameters
    ----------
    voxels : Voxels
    path : Path
        The header.
    content : memoryview
        Its bytes.
    contents : mapping, optional
        Bytes of the files that it names, if they are in memory.

    Returns
    -------
    ndarray
        Of the shape of `voxels`, writable.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE`` where the files hold less or more than the header
        promises; ``IMAGE-FILE-DETACHED``; ``IMAGE-FILE-TOO-LARGE``.
    """
    require_size(voxels, path)
    if not voxels.files.names:
        parts = [(path, content[voxels.start :])]
    else:
        files = voxels.files
        places = paths_of(files, path) if contents is None else held_in(files, path, contents)
        _require_number(len(places), voxels, path)
        parts = [(place, content_of(place, contents)) for place in places]
    size = voxels.size // len(parts)
    read = []
    for place, stored in parts:
        try:
            read.append(_decoded(stored, voxels, size, place))
        except DAMAGE as error:
            raise unreadable(place, str(error) or type(error).__name__) from error
    array = read[0] if len(read) == 1 else np.concatenate(read)
    if not array.flags.writeable:
        array = array.copy()
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return native.reshape(voxels.shape)


def _require_number(n_files: int, voxels: Voxels, path: Path) -> None:
    """Refuse files that are not as many as the sizes of the image ask for."""
    files, n_axes = voxels.files, len(voxels.shape)
    if files.is_single:
        return
    inner = n_axes - 1 if files.n_axes is None else files.n_axes
    if inner == n_axes and voxels.shape[0] % n_files == 0:
        return  # each holds a part of the slowest axis
    wanted = math.prod(voxels.shape[: n_axes - inner])
    if not 0 < inner < n_axes or wanted != n_files:
        raise detached(path, f"expected {wanted} files for its sizes, found {n_files}")


def _decoded(stored: memoryview, voxels: Voxels, size: int, path: Path) -> NumberArray:
    """Return the flat voxels of one file, in the type of the header."""
    for _ in range(voxels.n_lines):
        stored = stored[_end_of_line(stored) :]
    if voxels.encoding in {"text", "hex"}:
        return _written_out(stored, voxels, size, path)
    if voxels.packed_size not in (None, len(stored)):
        raise EOFError(f"expected {voxels.packed_size} compressed bytes, found {len(stored)}")
    skipped = max(voxels.n_bytes, 0)
    if voxels.encoding == "raw":
        if voxels.n_bytes < 0:
            stored = stored[max(len(stored) - size, 0) :]
        found = len(stored) - skipped
        if found != size:
            raise EOFError(f"expected {size} bytes of voxels as the header promises, found {found}")
        return np.frombuffer(stored, dtype=voxels.dtype, offset=skipped)
    if voxels.n_bytes < 0:
        raise ValueError("a byte skip of -1 says nothing of compressed voxels")
    if voxels.encoding in DEFLATED and size + skipped > len(stored) * MOST_INFLATED:
        raise EOFError(f"{len(stored)} compressed bytes cannot hold {size} bytes of voxels")
    if skipped + size > MOST_BYTES:
        raise ValueError("more bytes are to be skipped than an image may have")
    whole = gathered(inflated(stored, voxels.encoding), skipped + size)
    return np.frombuffer(whole.data[skipped:], dtype=voxels.dtype)


def _end_of_line(stored: memoryview) -> int:
    position = 0
    while position < len(stored):
        found = bytes(stored[position : position + 4096]).find(b"\n")
        if found >= 0:
            return position + found + 1
        position += 4096
    raise EOFError("the file ends within the lines before its voxels")


def _written_out(stored: memoryview, voxels: Voxels, size: int, path: Path) -> NumberArray:
    if voxels.n_bytes:
        raise ValueError("bytes to be skipped before numbers that are written out")
    if len(stored) > MOST_TEXT_BYTES:
        raise too_large(path, f"{len(stored)} bytes of text, at most {MOST_TEXT_BYTES} are read")
    text = bytes(stored)
    if voxels.encoding == "hex":
        values = np.frombuffer(bytes.fromhex(text.decode("ascii")), dtype=np.uint8)
        if values.nbytes != size:
            raise EOFError(f"expected {size} bytes of voxels, found {values.nbytes}")
        return values.view(voxels.dtype)
    words = text.split()
    wanted = size // voxels.dtype.itemsize
    if len(words) != wanted or b"_" in text:
        raise EOFError(f"expected {wanted} numbers, found {len(words)}")
    number = float if voxels.dtype.kind == "f" else int
    return np.array([number(word) for word in words], dtype=voxels.dtype)
