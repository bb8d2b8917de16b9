"""Frames: the header record of each slice or frame of a volume.

An enhanced (multi-frame) object keeps what varies in functional groups
(DICOM PS3.3 C.7.6.16); a classic one in its top level. `FrameHeader.get` reads
both in the same way, so that no room above needs to know which it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.mosaics import Tile, read_tiles
from biomarker_cli.dicom.private_values import creator_name

if TYPE_CHECKING:
    # A scan of files that the index knows does without pydicom.
    from pydicom.dataset import Dataset

    from biomarker_cli.model.inputs import FileSignature

Kept = TypeVar("Kept")

MOST_FRAMES = 100_000
"""A header that promises more frames is damaged."""


class Item(Protocol):
    """An item of a sequence."""

    def get(self, keyword: str, /) -> Any:
        """Return the value of an element, None where it is absent."""


@dataclass(frozen=True, slots=True)
class NamedItem:
    """An item of a sequence that says which element of it is damaged.

    Elements of items are decoded when they are asked for, long after their sequence was.

    Attributes
    ----------
    item : Item
    path : Path
        File it came from.
    place : str
        Keywords of the sequences around it.
    """

    item: Item
    path: Path
    place: str

    def get(self, keyword: str, /) -> Any:
        """Return the value of an element, None where it is absent or empty.

        Raises
        ------
        HeaderError
            ``FILE-ELEMENT`` where it cannot be decoded.
        """
        place = f"{self.place}.{keyword}"
        with damage_named(self.path, place):
            value = self.item.get(keyword)
            if is_absent(value):
                return None
            if _require_its_kind(value, keyword):
                return named_items(value, self.path, place)
            return value


def named_items(items: Iterable[Item], path: Path, place: str) -> tuple[NamedItem, ...]:
    """Return the items of a sequence so that they name what is damaged in them."""
    return tuple(NamedItem(item, path, place) for item in items)


@dataclass(frozen=True, eq=False, repr=False)
class FrameHeader:
    """Header of one frame.

    Attributes
    ----------
    dataset : pydicom.Dataset
        Header of the instance, without pixel data.
    frame : int
        Index of the frame, or of the tile of a mosaic, within the instance, from 0.
    path : Path
        File it came from.
    tile : Tile or None
        Where the instance is a mosaic: the slice of it that is meant. Position,
        rows and columns are then those of the slice, not of the mosaic.
    """

    dataset: Dataset
    frame: int = 0
    path: Path = Path()
    tile: Tile | None = None

    def __repr__(self) -> str:
        # Never the elements: they hold names, and a repr ends up in logs.
        return f"{type(self).__name__}({self.path.name!r}, frame={self.frame})"

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return the value of an element, frame before shared before top level.

        Parameters
        ----------
        keyword : str
            DICOM keyword.
        default : object
            Returned where the element is absent or empty.
        """
        with damage_named(self.path, keyword):
            for level in self._holders(keyword):
                value = level.get(keyword)
                if not is_absent(value):
                    _require_its_kind(value, keyword)
                    return value
        return default

    def _holders(self, keyword: str) -> tuple[Item | Mapping[str, Any], ...]:
        """Return the levels that may hold an element."""
        if self.tile is not None and keyword in self.tile.overrides:
            return (self.tile.overrides, *self._levels)
        if len(self._levels) == 1:
            return self._levels
        from pydicom.datadict import tag_for_keyword

        tag = tag_for_keyword(keyword)
        if tag is None:
            return self._levels
        return (*self._index.get(tag, ()), self.dataset)

    @cached_property
    def _index(self) -> dict[int, list[Dataset]]:
        # An enhanced frame has some twenty levels; asking each for each element
        # would cost more than reading the file.
        index: dict[int, list[Dataset]] = {}
        for level in self._levels[:-1]:
            for tag in level.keys():  # noqa: SIM118 - iterating a Dataset parses its elements
                index.setdefault(int(tag), []).append(level)
        return index

    @cached_property
    def _levels(self) -> tuple[Dataset, ...]:
        # Kept: walking the functional groups is what reading a frame costs.
        return tuple(self._walk())

    def _walk(self) -> Iterator[Dataset]:
        per_frame = self.dataset.get("PerFrameFunctionalGroupsSequence")
        if per_frame and self.frame < len(per_frame):
            yield from _macros(per_frame[self.frame])
        shared = self.dataset.get("SharedFunctionalGroupsSequence")
        if shared:
            yield from _macros(shared[0])
        yield self.dataset

    def private(self, group: int, creator: str, offset: int, default: Any = None) -> Any:
        """Return a private element found by its creator, never by a fixed block.

        Parameters
        ----------
        group : int
            Odd group number.
        creator : str
            Private creator, compared without surrounding blanks.
        offset : int
            Low byte of the element, 0x00-0xFF.
        default : object

        References
        ----------
        DICOM PS3.5 7.8.1.
        """
        with damage_named(self.path, f"({group:04X},xx{offset:02X})"):
            for level, block, name in self._private_blocks(group):
                if name == creator:
                    found = level.get((group, (block << 8) + offset))
                    if found is not None:
                        return found.value
        return default

    def _private_blocks(self, group: int) -> list[tuple[Dataset, int, str]]:
        """Return level, block and creator of each private block of a group."""
        blocks = self._blocks_by_group.get(group)
        if blocks is None:
            # Keys are compared as numbers: most levels have no private element at all.
            blocks = [
                (level, tag & 0xFF, creator_name(level[tag].VR, level[tag].value))
                for level in self._levels
                for tag in [t for t in level.keys() if t >> 8 == group << 8]  # noqa: SIM118
                if tag & 0xFF >= 0x10
            ]
            self._blocks_by_group[group] = blocks
        return blocks

    @cached_property
    def _blocks_by_group(self) -> dict[int, list[tuple[Dataset, int, str]]]:
        # Kept: b-values and directions ask for a dozen private elements of each frame.
        return {}

    def nested(self, sequence: str, keyword: str) -> Any:
        """Return an element of the first item of a sequence; None where it is absent or empty.

        Parameters
        ----------
        sequence, keyword : str
            DICOM keywords.
        """
        items = self.get(sequence)
        with damage_named(self.path, keyword):
            value = items[0].get(keyword) if items else None
            if is_absent(value):
                return None
            _require_its_kind(value, keyword)
            return value

    def once(self, name: str, work: Callable[[FrameHeader], Kept]) -> Kept:
        """Return what `work` makes of the header, made once.

        Parameters
        ----------
        name : str
            What it is kept under.
        work : callable
        """
        kept = self.__dict__.get(name)
        if kept is None:
            kept = self.__dict__[name] = work(self)
        found: Kept = kept
        return found

    def items(self, sequence: str) -> tuple[NamedItem, ...]:
        """Return the items of a sequence, which answer `get` with values or further items.

        Parameters
        ----------
        sequence : str
            DICOM keyword.
        """
        return named_items(self.get(sequence) or (), self.path, sequence)

    @property
    def sop_instance_uid(self) -> str:
        """SOPInstanceUID of the instance."""
        return str(self.get("SOPInstanceUID", ""))

    @property
    def n_described(self) -> int | None:
        """How many frames have a description of their own; None where the file has none."""
        items = self.get("PerFrameFunctionalGroupsSequence")
        return None if items is None else len(items)

    def split(self) -> tuple[FrameHeader, ...]:
        """Return the record of each frame of the file; see `frame_headers`."""
        return frame_headers(self.dataset, self.path)


def _require_its_kind(value: Any, keyword: str) -> bool:
    """Tell items from a value; refuse either where the other should stand.

    Raises
    ------
    TypeError
    """
    from pydicom.sequence import Sequence

    from biomarker_cli.dicom.element_values import holds_items

    # The walk over a header gives items as a tuple, pydicom as its own kind of list.
    walked = isinstance(value, tuple) and hasattr(value[0], "get")
    items = walked or isinstance(value, Sequence)
    if items != holds_items(keyword):
        raise TypeError(f"{keyword} is of the wrong kind")
    return items


class damage_named:  # noqa: N801 - read as a word of the with statement
    """Turn what pydicom raises on a damaged element into an error that names it.

    A class, not a generator: every look into a header goes through it.

    Parameters
    ----------
    path : Path
        Of the file.
    element : str
        Keyword or tag that is looked for.
    """

    __slots__ = ("element", "path")

    def __init__(self, path: Path, element: str) -> None:
        self.path = path
        self.element = element

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise ``FILE-ELEMENT`` where the element cannot be decoded."""
        if error is None:
            return
        from biomarker_cli.dicom.headers import ELEMENT_ERRORS

        if isinstance(error, ELEMENT_ERRORS):
            raise HeaderError(
                "FILE-ELEMENT",
                f"an element cannot be decoded while reading {self.element}: "
                f"{type(error).__name__}",
                where=self.path.name,
                hint="The header is damaged: transfer the file again.",
            ) from error


def frame_headers(dataset: Dataset, path: Path) -> tuple[FrameHeader, ...]:
    """Return the record of each frame, or of each tile of a mosaic, of an instance.

    Raises
    ------
    HeaderError
        ``MOSAIC-INCOMPLETE`` where the tiles of a mosaic cannot be placed.
    """
    with damage_named(path, "NumberOfFrames or a mosaic's tiles"):
        tiles = read_tiles(dataset)
        # A number below one is refused where volumes are made; its header can still be judged.
        count = max(min(int(dataset.get("NumberOfFrames") or 1), MOST_FRAMES), 1)
    if tiles:
        return tuple(FrameHeader(dataset, n, path, tile) for n, tile in enumerate(tiles))
    return tuple(FrameHeader(dataset, index, path) for index in range(count))


def whole_header(path: Path, signature: FileSignature) -> Dataset:
    """Return a header as pydicom reads it, which is loaded for that; see `headers.read_header`."""
    from biomarker_cli.dicom.headers import read_header

    return read_header(path, signature)


def _says_burned_in(frame: FrameHeader) -> bool:
    try:
        said = frame.get("BurnedInAnnotation", "")
    except HeaderError:
        # No number hangs on it: the fact says that it cannot be read.
        return False
    return str(said).strip().upper() == "YES"


class Frames(tuple[FrameHeader, ...]):
    """Header records of a volume, one per slice, in the order of the z axis."""

    __slots__ = ()

    @property
    def first(self) -> FrameHeader:
        """The record of the first slice."""
        return self[0]

    @property
    def is_burned_in(self) -> bool:
        """Whether a header says that text is burned into the pixels; silence is no answer."""
        return any(_says_burned_in(frame) for frame in self)

    def values(self, keyword: str) -> list[Any]:
        """Return one value per frame, None where it is absent."""
        return [frame.get(keyword) for frame in self]

    def distinct(self, keyword: str) -> list[Any]:
        """Return the values that occur, in order of first appearance."""
        seen: list[Any] = []
        for value in self.values(keyword):
            if value not in seen:
                seen.append(value)
        return seen


def _macros(group: Dataset) -> Iterator[Dataset]:
    """Yield the items of a functional group: each macro is a sequence of one item."""
    yield group
    for element in group:
        if element.VR == "SQ" and element.value:
            yield element.value[0]


def is_absent(value: Any) -> bool:
    """Tell whether a value stands for nothing: None, empty text, no items."""
    if value is None:
        return True
    return hasattr(value, "__len__") and len(value) == 0
