"""VolumeCandidate: what might be a volume, and why it is one or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.catalogue.instances import NO_VISIT, Visit
from biomarker_cli.imaging.geometry import Geometry


class VolumeStatus(StrEnum):
    """What the catalogue made of a group of files."""

    OK = "ok"
    REFUSED = "refused"
    SKIPPED = "skipped"


class FrameRef(NamedTuple):
    """Where one slice is stored.

    Attributes
    ----------
    file : str
        Path of the file, absolute. (Kept as text: making 20,000 paths takes as
        long as everything else of a scan that finds nothing new.)
    frame : int
        Index within the file, from 0.
    sop_instance_uid : str
    """

    file: str
    frame: int
    sop_instance_uid: str

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.file)


@dataclass(frozen=True, slots=True)
class VolumeCandidate:
    """One row of ``biomarker scan``.

    Attributes
    ----------
    volume_id : str
        SeriesInstanceUID, with ``@`` and the StudyInstanceUID where several studies
        hold a series of that name, and ``#`` and a number where a series holds several.
    patient_keys : tuple of str
        Digests of the patients that occur; more than one is a mix-up.
    kind : str
        original, derived, localiser, adc_map, fa_map, trace, rtstruct, seg, other.
    split_by : str
        What tells this volume from its siblings (``b=800``, ``echo=2``), joined by ``;``.
    refs : tuple of FrameRef
        Slices in the order of the z axis; every file, in order, where refused.
    geometry : Geometry or None
        None unless `status` is ``ok``.
    flags : frozenset of str
        Flags that measurements on this volume carry.
    visit : Visit
        What the header of the first slice says of the examination.
    references : tuple of str
        SeriesInstanceUIDs of the images that a segmentation is of.
    duplicates : tuple of FrameRef
        Copies of its files, which were left out, in the order of their paths.
    """

    volume_id: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    patient_keys: tuple[str, ...]
    modality: str
    kind: str
    description: str
    split_by: str
    n_files: int
    n_frames: int
    rows: int
    columns: int
    refs: tuple[FrameRef, ...]
    geometry: Geometry | None
    status: VolumeStatus
    error_code: str = ""
    error_message: str = ""
    flags: frozenset[str] = frozenset()
    visit: Visit = NO_VISIT
    references: tuple[str, ...] = ()
    duplicates: tuple[FrameRef, ...] = ()

    def is_called(self, name: str) -> bool:
        """Tell whether a volume id, or the name of its whole series, means this volume."""
        return name in {self.volume_id, self.series_uid, self.volume_id.partition("#")[0]}

    @property
    def is_image(self) -> bool:
        """Whether this is an image rather than a segmentation or another object."""
        return self.status is not VolumeStatus.SKIPPED
