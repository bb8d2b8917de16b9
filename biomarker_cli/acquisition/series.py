"""SeriesHeaders: what the rules see of one image series, before pixels are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.catalogue import Catalogue
from biomarker_cli.catalogue.reading import read_series_frames
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.quick_headers import HeaderReader
from biomarker_cli.model.errors import BiomarkerError

Kept = TypeVar("Kept")

_DAMAGED = object()
"""Stands for an element that cannot be decoded."""


@dataclass(frozen=True, eq=False)
class SeriesHeaders:
    """The header records of all volumes of one series.

    Attributes
    ----------
    series_uid, study_uid : str
    role : str
        Name of the role that the study gives this series, empty where none.
    subject : str
        Whose it is by the study, empty where only the PatientID tells: several
        centres may use one.
    modality : str
    frames : Frames
        One record per slice or frame, volume by volume.
    """

    series_uid: str
    study_uid: str
    role: str
    modality: str
    frames: Frames
    subject: str = ""
    _columns: dict[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _damaged: dict[str, int] = field(default_factory=dict, repr=False)

    def column(self, keyword: str) -> tuple[Any, ...]:
        """Return the value of an element in every frame, None where it is absent or empty."""
        return self._read_once(keyword, lambda frame: frame.get(keyword))

    def items(self, sequence: str) -> tuple[Any, ...]:
        """Return the items of a sequence in every frame, None where it cannot be decoded."""
        return self._read_once(_items_of(sequence), lambda frame: frame.items(sequence))

    def _read_once(self, name: str, read: Callable[[FrameHeader], Any]) -> tuple[Any, ...]:
        found = self._columns.get(name)
        if found is None:
            values = [_value(frame, read) for frame in self.frames]
            self._damaged[name] = sum(value is _DAMAGED for value in values)
            found = tuple(None if value is _DAMAGED else value for value in values)
            self._columns[name] = found
        return found

    def n_damaged(self, keyword: str) -> int:
        """Return in how many frames an element stands that cannot be decoded."""
        self.column(keyword)
        return self._damaged[keyword]

    def n_damaged_items(self, sequence: str) -> int:
        """Return in how many frames a sequence stands that cannot be decoded."""
        self.items(sequence)
        return self._damaged[_items_of(sequence)]

    def once(self, name: str, work: Callable[[SeriesHeaders], Kept]) -> Kept:
        """Return what `work` makes of the series, computed once.

        Parameters
        ----------
        name : str
            What it is kept under.
        work : callable
        """
        if name not in self._kept:
            self._kept[name] = work(self)
        kept: Kept = self._kept[name]
        return kept

    def first(self, keyword: str) -> Any:
        """Return the first value that is present, None where none is."""
        return next((v for v in self.column(keyword) if v is not None), None)

    def in_study(self, role: str, subject: str) -> SeriesHeaders:
        """Return the same series with the role and the subject that a study gives it."""
        return replace(self, role=role, subject=subject)


FramesOf = Callable[[Path], tuple[FrameHeader, ...]]
"""From a file to the record of each of its frames."""

Refused = Callable[[str, HeaderError], None]
"""Is told the SeriesInstanceUID of a series whose headers cannot be read, and why."""


def series_headers(
    catalogue: Catalogue, reader: HeaderReader | None = None, refused: Refused | None = None
) -> list[SeriesHeaders]:
    """Return every image series of a catalogue, refused ones included.

    Parameters
    ----------
    catalogue : Catalogue
    reader : HeaderReader, optional
        The one that made the catalogue, where it has kept the headers.
    refused : callable, optional
        Called for a series whose headers cannot be read, which is then left
        out; without it, the first one raises.

    Returns
    -------
    list of SeriesHeaders
        In the order of the catalogue.
    """
    reader = reader or HeaderReader()

    def frames_of(path: Path) -> tuple[FrameHeader, ...]:
        return reader.frames(path, catalogue.signatures[str(path)])

    return series_of(catalogue.volumes, frames_of, refused)


def series_of(
    volumes: Iterable[VolumeCandidate], frames_of: FramesOf, refused: Refused | None = None
) -> list[SeriesHeaders]:
    """Return the series of some image volumes, in their order.

    Parameters
    ----------
    volumes : iterable of VolumeCandidate
    frames_of : callable
        From a file to the record of each of its frames; asked once for each file.
    refused : callable, optional
        Is told of a series whose headers cannot be read; without it that is raised.
    """
    by_series: dict[tuple[str, str], list[VolumeCandidate]] = defaultdict(list)
    for volume in volumes:
        by_series[volume.study_uid, volume.series_uid].append(volume)
    found = []
    for (study_uid, series_uid), members in by_series.items():
        try:
            frames = _frames(members, frames_of)
        except HeaderError as error:
            if refused is None:
                raise
            refused(series_uid, error)
            continue
        found.append(
            SeriesHeaders(
                series_uid=series_uid,
                study_uid=study_uid,
                role="",
                modality=members[0].modality,
                frames=frames,
            )
        )
    return found


def _frames(members: Sequence[VolumeCandidate], frames_of: FramesOf) -> Frames:
    """Return the headers of a series.

    Raises
    ------
    HeaderError
        Whatever damage does: one series must not end the others.
    """
    try:
        return read_series_frames(members, frames_of)
    except BiomarkerError as error:
        raise HeaderError(error.code, error.message, where=error.where, hint=error.hint) from error
    except Exception as error:
        raise HeaderError(
            "FILE-ELEMENT",
            f"the headers of a series cannot be read: {type(error).__name__}",
            where=members[0].series_uid,
            hint="The headers are damaged: transfer the series again.",
        ) from error


def _items_of(sequence: str) -> str:
    return f"{sequence}[]"


def _value(frame: FrameHeader, read: Callable[[FrameHeader], Any]) -> Any:
    """Return an element, `_DAMAGED` where it cannot be decoded: missing, never a pass."""
    try:
        return read(frame)
    except HeaderError:
        return _DAMAGED
