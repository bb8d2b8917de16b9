"""The one door to a DICOM file: header, pixels and digests from one read of it.

`DicomFiles` is asked for headers by those who check and rescale, and for pixels by
those who measure; `PlannedFiles` for headers alone by those who index, and keeps the
bytes for the former as far as there is room. Either opens each file once.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from biomarker_cli.dicom.decoding import absent, decoding, require_grey
from biomarker_cli.dicom.element_walk import CutShortError, UnusualFileError, Walked, locate
from biomarker_cli.dicom.errors import cut_short, empty, not_dicom, unreadable
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.native_pixels import PixelLayout, layout_of, stored_frames
from biomarker_cli.dicom.quick_headers import HeaderReader, QuickHeader
from biomarker_cli.dicom.windows import ContentWindow
from biomarker_cli.model.arrays import AnyArray
from biomarker_cli.model.inputs import FileSignature, InputFiles, KnownFile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class _Seen(NamedTuple):
    """A file that was read: its header, and what the walk over it found, where it could."""

    header: FrameHeader
    walked: Walked | None


class _WholeFiles(HeaderReader):
    """Reads headers from the bytes of whole files.

    Parameters
    ----------
    inputs : InputFiles, optional
        What was planned of the files, and how many of them may be kept.
    """

    def __init__(self, inputs: InputFiles | None = None) -> None:
        self.inputs = InputFiles() if inputs is None else inputs

    def _look(self, path: Path) -> _Seen:
        content = content_of(self.inputs, path)
        try:
            walked = locate(ContentWindow(content))
        except (UnusualFileError, struct.error):
            seen = _Seen(FrameHeader(_parsed(content, path), 0, path), None)
        except CutShortError as error:
            raise cut_short(path, len(content)) from error
        else:
            if not walked.elements:
                raise not_dicom(path, "the file holds no DICOM element")
            whole = partial(_parsed, content[: walked.end], path)
            missing = walked.missing_bytes(len(content))
            seen = _Seen(QuickHeader(walked.elements, path, missing, whole=whole), walked)
        read = self.inputs.read[path]
        read.pixels = read.pixels or _pixel_digest(content, path, seen.walked)
        return seen


def _parsed(content: bytes, path: Path) -> Dataset:
    # Most headers are read without pydicom, which takes long to import.
    from biomarker_cli.dicom.headers import parse_header

    return parse_header(content, path)


def content_of(contents: Mapping[Path, bytes | bytearray | memoryview], path: Path) -> bytes:
    """Return the bytes of a DICOM file.

    Raises
    ------
    HeaderError
        ``FILE-UNREADABLE``, ``FILE-EMPTY``.
    InputError
        As `InputFiles.content` does.
    """
    try:
        content = bytes(contents[path])
    except OSError as error:
        raise unreadable(path, error) from error
    if not content:
        raise empty(path)
    return content


def _pixel_digest(content: bytes, path: Path, walked: Walked | None) -> str:
    """Return the sha256 of the stored pixels, empty where there are none."""
    if walked is None:
        from biomarker_cli.dicom.pixels import pixel_bytes

        stored: bytes | memoryview = pixel_bytes(content, path)
    elif walked.pixels is None:
        return ""
    else:
        start, length = walked.pixels.start, walked.pixels.length
        end = len(content) if length is None else start + length
        stored = memoryview(content)[start:end]
    return hashlib.sha256(stored).hexdigest() if stored else ""


class PlannedFiles(_WholeFiles):
    """Files that are indexed before they are measured."""

    def read(self, path: Path, signature: FileSignature) -> FrameHeader:
        """Return the header of a file; see `HeaderReader.read`."""
        self.inputs.known.setdefault(path, KnownFile(signature))
        if not self.inputs.has_room(signature.size):
            return super().read(path, signature)
        seen = self.inputs.made[path] = self._look(path)
        return seen.header


class DicomFiles(_WholeFiles):
    """Files that are measured: their headers stay, their bytes until they are let go.

    Parameters
    ----------
    inputs : InputFiles, optional
    spare_bytes : int
        So much may be kept for those who come back: the maps of one examination.
    """

    def __init__(self, inputs: InputFiles | None = None, spare_bytes: int = 0) -> None:
        super().__init__(inputs)
        self._spare_bytes = spare_bytes
        self._seen: dict[Path, _Seen] = {}
        self._frames: dict[Path, tuple[FrameHeader, ...]] = {}

    def read(self, path: Path, signature: FileSignature | None = None) -> FrameHeader:
        """Return the header of a file; see `HeaderReader.read`.

        Without a signature the file may be any, unless one was planned.
        """
        if signature is not None:
            self.inputs.known.setdefault(path, KnownFile(signature))
        return self._seen_of(path).header

    def _seen_of(self, path: Path) -> _Seen:
        seen = self._seen.get(path)
        if seen is None:
            seen = self.inputs.made.pop(path, None) or self._look(path)
            self._seen[path] = seen
        return seen

    def split(self, header: FrameHeader) -> tuple[FrameHeader, ...]:
        """Return the record of each frame of a file; see `FrameHeader.split`."""
        frames = self._frames.get(header.path)
        if frames is None:
            frames = self._frames[header.path] = super().split(header)
        return frames

    def frames(self, path: Path, signature: FileSignature | None = None) -> tuple[FrameHeader, ...]:
        """Return the record of each frame; of the whole file where its frames cannot be told."""
        return self._frames_of(self.read(path, signature))

    def stored(self, path: Path, frames: Sequence[int]) -> Iterator[AnyArray]:
        """Decode frames of a file one after the other, as they are stored.

        Parameters
        ----------
        path : Path
        frames : sequence of int
            Indices from 0; of the tiles where the file is a mosaic.

        Yields
        ------
        ndarray, shape (rows, columns)

        Raises
        ------
        PixelError
            ``PIXELS-UNREADABLE`` where the file is cut or cannot be decoded,
            ``PIXELS-ABSENT`` where it holds a header alone, ``PIXELS-COLOUR``.
        InputError
            ``INPUT-CHANGED``.
        """
        header, walked = self._seen_of(path)
        layout = None
        if walked is not None:
            with decoding(path):
                require_grey(header.get("SamplesPerPixel", 1), path)
            if walked.pixels is None:
                raise absent(path)
            layout = layout_of(header, walked.syntax, walked.pixels)
        if layout is None:
            # Decoders take longer to load than most series to read.
            from biomarker_cli.dicom.pixels import decoded_frames

            yield from decoded_frames(content_of(self.inputs, path), path, frames)
            return
        yield from self._laid_out(path, layout, frames)

    def _laid_out(
        self, path: Path, layout: PixelLayout, frames: Sequence[int]
    ) -> Iterator[AnyArray]:
        content = content_of(self.inputs, path)
        tiles = [one.tile for one in self.split(self.read(path)) if one.tile is not None]
        if tiles:
            with decoding(path):
                (frame,) = stored_frames(content, layout, [0])
            yield from (tiles[index].cut(frame) for index in frames)
            return
        pieces = stored_frames(content, layout, frames)
        for _ in frames:
            with decoding(path):
                piece = next(pieces)
            yield piece

    def let_go(self, path: Path) -> None:
        """Keep the bytes of a file no longer, unless there is room; its header stays."""
        if self.inputs.kept_bytes > self._spare_bytes:
            self.inputs.let_go(path)
