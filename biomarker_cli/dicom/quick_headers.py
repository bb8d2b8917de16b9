"""Headers whose values are decoded when they are asked for.

`HeaderReader` reads file after file. What it gives answers `get` and `private`
as a `FrameHeader` over pydicom does, with the same values, at a fraction of the
cost. What cannot be decoded with certainty (sequences, text in another character
set, private elements of unknown type) is read through pydicom.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from biomarker_cli.dicom.element_values import UNKNOWN, decode, tag_of, vr_of
from biomarker_cli.dicom.element_walk import CutShortError, Located, UnusualFileError, locate
from biomarker_cli.dicom.errors import HeaderError, cut_short, not_dicom, unreadable
from biomarker_cli.dicom.frames import (
    MOST_FRAMES,
    FrameHeader,
    Item,
    NamedItem,
    frame_headers,
    is_absent,
    named_items,
    whole_header,
)
from biomarker_cli.dicom.functional_groups import (
    FunctionalGroups,
    items_in,
    merged,
    read_functional_groups,
)
from biomarker_cli.dicom.mosaics import MOSAIC_WORDS
from biomarker_cli.dicom.private_values import CREATOR_VRS
from biomarker_cli.dicom.windows import FUNCTIONAL_GROUPS, PER_FRAME_GROUPS, FileWindow, opened
from biomarker_cli.model.inputs import FileSignature

if TYPE_CHECKING:
    # A scan of plain files does without pydicom.
    from pydicom.dataset import Dataset

_CREATOR_VRS = frozenset(vr.encode() for vr in CREATOR_VRS) | {b""}

NOT_WALKED = (UnusualFileError, CutShortError, struct.error)


class QuickHeader(FrameHeader):
    """Header of a file.

    Attributes
    ----------
    elements : dict
        Located elements; for a frame, its own before those of the file.
    missing_pixel_bytes : int or None
        Native pixel data beyond the end of the file; None where there is none.
    whole : callable
        Has pydicom read the whole header, for what is not read here.
    """

    elements: Located
    missing_pixel_bytes: int | None
    whole: Callable[[], Dataset]

    def __init__(
        self,
        elements: Located,
        path: Path,
        missing_pixel_bytes: int | None,
        frame: int = 0,
        *,
        whole: Callable[[], Dataset],
    ) -> None:
        # FrameHeader is frozen; its `dataset` is replaced by a lazy one below.
        object.__setattr__(self, "elements", elements)
        object.__setattr__(self, "whole", whole)
        object.__setattr__(self, "missing_pixel_bytes", missing_pixel_bytes)
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "tile", None)

    @cached_property
    def dataset(self) -> Dataset:
        """The whole header as pydicom reads it."""
        return self.whole()

    @cached_property
    def _parsed(self) -> FrameHeader:
        return FrameHeader(self.dataset, self.frame, self.path)

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return the value of an element; see `FrameHeader.get`."""
        tag = tag_of(keyword)
        located = self.elements.get(tag)
        if located is None:
            return default
        vr, stored = located
        value = decode(tag, vr, stored)
        kind = type(value)
        if kind is str:
            return value or self._instead_of_blank(keyword, default)
        if kind is list:
            # A copy: the list that is kept for the next file must not change.
            return value[:]
        return self._parsed.get(keyword, default) if value is UNKNOWN else value

    def _instead_of_blank(self, _keyword: str, default: Any) -> Any:
        return default

    def nested(self, sequence: str, keyword: str) -> Any:
        """Return an element of the first item of a sequence; see `FrameHeader.nested`."""
        place = tag_of(sequence)
        if place not in self.elements:
            return None
        try:
            item = next(items_in(self.elements, place), None)
        except NOT_WALKED:
            item = None
        if item is None:
            return self._parsed.nested(sequence, keyword)
        tag = tag_of(keyword)
        if tag not in item:
            return None
        value = decode(tag, *item[tag])
        if value is UNKNOWN:
            return self._parsed.nested(sequence, keyword)
        return None if is_absent(value) else value

    def items(self, sequence: str) -> tuple[NamedItem, ...]:
        """Return the items of a sequence; see `FrameHeader.items`."""
        found = _items(self.elements, sequence, self._whole_items)
        return named_items(found, self.path, sequence)

    def _whole_items(self, sequence: str) -> Sequence[Item]:
        return tuple(self._parsed.get(sequence) or ())

    @cached_property
    def _private_levels(self) -> tuple[_PrivateLevel, ...]:
        return _private_levels([self.elements])

    def private(self, group: int, creator: str, offset: int, default: Any = None) -> Any:
        """Return a private element found by its creator; see `FrameHeader.private`."""
        for blocks, elements in self._private_levels:
            for block in blocks.get((group, creator), ()):
                tag = group << 16 | block << 8 | offset
                located = elements.get(tag)
                if located is None:
                    continue
                value = decode(tag, *located)
                return self._parsed.private(group, creator, offset) if value is UNKNOWN else value
        return default

    @property
    def sop_instance_uid(self) -> str:
        """SOPInstanceUID of the instance."""
        return str(self.get("SOPInstanceUID", ""))

    @cached_property
    def _groups(self) -> FunctionalGroups | None:
        """The functional groups, None where they are for pydicom to read."""
        try:
            return read_functional_groups(self.elements)
        except NOT_WALKED:
            return None

    @property
    def n_described(self) -> int | None:
        """How many frames have a description of their own; see `FrameHeader.n_described`."""
        if PER_FRAME_GROUPS not in self.elements:
            return None
        if self._groups is None:
            return self._parsed.n_described
        return len(self._groups.per_frame) or None

    def split(self) -> tuple[FrameHeader, ...]:
        """Return the record of each frame, or of each tile of a mosaic; see `frame_headers`."""
        count = self.get("NumberOfFrames", 1)
        if not isinstance(count, int) or count < 1 or self._may_be_mosaic():
            return frame_headers(self.dataset, self.path)
        if count == 1 and FUNCTIONAL_GROUPS.isdisjoint(self.elements):
            return (self,)
        if self._groups is None:
            return frame_headers(self.dataset, self.path)
        per_frame, shared = self._groups
        common = [*shared, self.elements]
        elements, private = merged(common), _private_levels(common)
        frames = []
        for number in range(min(count, MOST_FRAMES)):
            own = per_frame[number] if number < len(per_frame) else ()
            # Frames without a description of their own share what they have.
            located = {**elements, **merged(own)} if own else elements
            frames.append(QuickFrame(self, number, located, (*_private_levels(own), *private)))
        return tuple(frames)

    def _may_be_mosaic(self) -> bool:
        words = self.get("ImageType", "")
        if isinstance(words, str):
            words = [words]
        return not isinstance(words, list) or not MOSAIC_WORDS.isdisjoint(words)


class QuickFrame(QuickHeader):
    """Header of a frame of a file with several.

    Parameters
    ----------
    file : QuickHeader
    frame : int
    elements : dict
        Located elements, none of them empty.
    private_levels : tuple
        Levels of the frame that hold private elements, the nearest first.
    """

    file: QuickHeader

    def __init__(
        self,
        file: QuickHeader,
        frame: int,
        elements: Located,
        private_levels: tuple[_PrivateLevel, ...],
    ) -> None:
        super().__init__(elements, file.path, file.missing_pixel_bytes, frame, whole=file.whole)
        object.__setattr__(self, "file", file)
        object.__setattr__(self, "_private_levels", private_levels)

    @property
    def dataset(self) -> Dataset:
        """The whole header of the file as pydicom reads it."""
        return self.file.dataset

    @property
    def _groups(self) -> FunctionalGroups | None:
        return self.file._groups

    def _instead_of_blank(self, keyword: str, default: Any) -> Any:
        """Look further: another level may hold the element."""
        return self._parsed.get(keyword, default)


class QuickItem(NamedTuple):
    """An item of a sequence.

    Attributes
    ----------
    elements : dict
        Located elements.
    whole : callable
        Returns the item as pydicom reads it, for what is not read here.
    """

    elements: Located
    whole: Callable[[], Item]

    def get(self, keyword: str, /) -> Any:
        """Return the value of an element, None where it is absent or empty."""
        tag = tag_of(keyword)
        located = self.elements.get(tag)
        if located is None:
            return None
        value = decode(tag, *located)
        if value is not UNKNOWN:
            return None if is_absent(value) else value
        if vr_of(tag, located[0]) == b"SQ":
            return _items(self.elements, keyword, self._whole_items)
        return self.whole().get(keyword)

    def _whole_items(self, sequence: str) -> Sequence[Item]:
        return tuple(self.whole().get(sequence) or ())


def _items(
    elements: Located, sequence: str, whole: Callable[[str], Sequence[Item]]
) -> tuple[Item, ...]:
    """Return the items of a sequence; as pydicom reads them where the walk is not certain."""
    tag = tag_of(sequence)
    if tag not in elements:
        return ()
    try:
        found = tuple(items_in(elements, tag))
    except NOT_WALKED:
        return tuple(whole(sequence))
    return tuple(
        QuickItem(item, lambda number=number: whole(sequence)[number])  # type: ignore[misc]
        for number, item in enumerate(found)
    )


class _PrivateLevel(NamedTuple):
    """Elements among which private ones are, and the blocks that each creator reserved."""

    blocks: dict[tuple[int, str], list[int]]
    elements: Located


def _private_levels(levels: Sequence[Located]) -> tuple[_PrivateLevel, ...]:
    found = []
    for elements in levels:
        blocks: dict[tuple[int, str], list[int]] = {}
        # PS3.5 7.8.1: (gggg,0010-00FF) of an odd group.
        for tag in [t for t in elements if t & 0x1FF00 == 0x10000 and t & 0xFF >= 0x10]:
            vr, value = elements[tag]
            if value is not None and vr in _CREATOR_VRS:
                creator = value.decode("latin-1").strip("\0 ")
                blocks.setdefault((tag >> 16, creator), []).append(tag & 0xFF)
        if blocks:
            found.append(_PrivateLevel(blocks, elements))
    return tuple(found)


def walked(path: Path, signature: FileSignature, window: FileWindow) -> FrameHeader:
    """Return the header in an open file; see `HeaderReader.read`."""
    try:
        found = locate(window)
    except (UnusualFileError, struct.error):
        return FrameHeader(whole_header(path, signature), 0, path)
    except CutShortError as error:
        raise cut_short(path, signature.size) from error
    if not found.elements:
        raise not_dicom(path, "the file holds no DICOM element")
    missing = found.missing_bytes(signature.size)
    return QuickHeader(found.elements, path, missing, whole=partial(whole_header, path, signature))


class HeaderReader:
    """Reads the headers of files."""

    def read(self, path: Path, signature: FileSignature) -> FrameHeader:
        """Return the header of a file, by the quick walk where that is certain.

        Parameters
        ----------
        path : Path
        signature : FileSignature
            Of the file as it was found.

        Returns
        -------
        FrameHeader
            A `QuickHeader`, or one over pydicom where the file is unusual.

        Raises
        ------
        HeaderError
            As `biomarker_cli.dicom.headers.read_header` does, and
            ``FILE-TRUNCATED`` where the file ends inside its header.
        InputError
            ``INPUT-CHANGED`` where the file is not the one that was found.
        """
        descriptor = opened(str(path), signature)
        try:
            return walked(path, signature, FileWindow(descriptor, signature.size))
        except OSError as error:
            raise unreadable(path, error) from error
        finally:
            os.close(descriptor)

    def split(self, header: FrameHeader) -> tuple[FrameHeader, ...]:
        """Return the record of each frame of a file; see `FrameHeader.split`."""
        return header.split()

    def frames(self, path: Path, signature: FileSignature) -> tuple[FrameHeader, ...]:
        """Return the record of each frame; of the whole file where its frames cannot be told."""
        return self._frames_of(self.read(path, signature))

    def _frames_of(self, header: FrameHeader) -> tuple[FrameHeader, ...]:
        try:
            return self.split(header)
        except HeaderError:
            # The catalogue has refused the volume for this; its elements can still be judged.
            return (header,)


class KeptHeaders(HeaderReader):
    """Reads each header once: for those who come back to them."""

    def __init__(self) -> None:
        self._kept: dict[Path, FrameHeader] = {}
        self._frames: dict[Path, tuple[FrameHeader, ...]] = {}

    def read(self, path: Path, signature: FileSignature) -> FrameHeader:
        """Return the header of a file as it was when it was first read; see `HeaderReader.read`."""
        header = self._kept.get(path)
        if header is None:
            header = self._kept[path] = super().read(path, signature)
        return header

    def split(self, header: FrameHeader) -> tuple[FrameHeader, ...]:
        """Return the record of each frame of a file; see `FrameHeader.split`."""
        frames = self._frames.get(header.path)
        if frames is None:
            frames = self._frames[header.path] = super().split(header)
        return frames
