"""RoiEntry: one structure of a segmentation file, known without an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

_SHOWN = 64
"""Characters of a label that a message shows: as many as a name may have (PS3.5, LO)."""


def shortened(label: str) -> str:
    """Return a label as messages show it."""
    return label if len(label) <= _SHOWN else f"{label[: _SHOWN - 3]}..."


@dataclass(frozen=True)
class RoiEntry:
    """One ROI, segment or label.

    Attributes
    ----------
    number : int or None
        ROINumber, SegmentNumber or label value: the key within the file; None where
        the file has none for it.
    label : str
        Name as the file has it; it may repeat.
    code : str
        ``value:scheme`` of what it is, where the file says so.
    code_meaning : str
    tracking_uid : str
    frame_of_reference_uid : str
    detail : str
        What it is made of, for a person (``CLOSED_PLANAR x 20``).
    is_described : bool
        False for contours or frames of a number that no ROI of the file has.
    flags : frozenset of str
        What to know of the entry itself.
    """

    number: int | None
    label: str
    code: str = ""
    code_meaning: str = ""
    tracking_uid: str = ""
    frame_of_reference_uid: str = ""
    detail: str = ""
    is_described: bool = True
    flags: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """The label with the number behind it, which tells ROIs of one label apart."""
        return f"{self.label}#{'?' if self.number is None else self.number}"

    def __str__(self) -> str:
        number = "without number" if self.number is None else f"number {self.number}"
        return f"{shortened(self.label)!r} ({number})"


@dataclass(frozen=True)
class References:
    """The images that a segmentation was made on.

    Attributes
    ----------
    series_uids, sop_instance_uids : frozenset of str
        Empty where the file does not say.
    """

    series_uids: frozenset[str] = frozenset()
    sop_instance_uids: frozenset[str] = frozenset()

    def is_other_series(self, target: ImageTarget) -> bool | None:
        """Tell whether they are of another series than the target; None if unknown."""
        if self.series_uids and target.series_uid:
            return target.series_uid not in self.series_uids
        return self.are_other_instances(target)

    def are_other_instances(self, target: ImageTarget) -> bool | None:
        """Tell whether no instance of the target is referred to; None if unknown.

        In the same series that means another volume of it (a phase), or a series
        that was written again with new identifiers.
        """
        if self.sop_instance_uids and target.sop_instance_uids:
            return self.sop_instance_uids.isdisjoint(target.sop_instance_uids)
        return None


@dataclass(frozen=True)
class Drawing:
    """Voxels of one entry on the grid of an image, before the rules judge them.

    Attributes
    ----------
    crop : Crop
    audit : mapping
        What was done, by column name.
    flags : frozenset of str
    """

    crop: Crop
    audit: Mapping[str, AuditValue] = field(default_factory=lambda: MappingProxyType({}))
    flags: frozenset[str] = frozenset()


class Segmentation(Protocol):
    """A segmentation file of any format."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def kind(self) -> str:
        """``rtstruct``, ``seg``, ``nifti``, ``nrrd`` or ``mha``."""
        ...

    @property
    def uid(self) -> str:
        """SOPInstanceUID, empty for files that are not DICOM."""
        ...

    @property
    def entries(self) -> tuple[RoiEntry, ...]:
        """What the file holds."""
        ...

    def references(self, entry: RoiEntry, /) -> References:
        """Return the images that an entry was made on."""
        ...

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels of an entry on the grid of an image.

        Raises
        ------
        RegionError
            Where this entry cannot be drawn; the others can.
        """
        ...
