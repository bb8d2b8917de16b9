"""SeriesHeaders: what the rules see of one image series, before pixels are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from biomarker_cli.catalogue import Catalogue, VolumeCandidate
from biomarker_cli.catalogue.reading import read_series_frames
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.quick_headers import HeaderReader

Kept = TypeVar("Kept")


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

    def column(self, keyword: str) -> tuple[Any, ...]:
        """Return the value of an element in every frame, None where it is absent or empty."""
        found = self._columns.get(keyword)
        if found is None:
            found = tuple(_value(frame, keyword) for frame in self.frames)
            self._columns[keyword] = found
        return found

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


def series_headers(catalogue: Catalogue, reader: HeaderReader | None = None) -> list[SeriesHeaders]:
    """Return every image series of a catalogue, refused ones included.

    Parameters
    ----------
    catalogue : Catalogue
    reader : HeaderReader, optional
        The one that made the catalogue, where it has kept the headers.

    Returns
    -------
    list of SeriesHeaders
        In the order of the catalogue.
    """
    reader = reader or HeaderReader()

    def frames_of(path: Path) -> tuple[FrameHeader, ...]:
        return reader.frames(path, catalogue.signatures[str(path)])

    return series_of(catalogue.volumes, frames_of)


def series_of(
    volumes: Iterable[VolumeCandidate], frames_of: Callable[[Path], tuple[FrameHeader, ...]]
) -> list[SeriesHeaders]:
    """Return the series of some image volumes, in their order.

    Parameters
    ----------
    volumes : iterable of VolumeCandidate
    frames_of : callable
        From a file to the record of each of its frames; asked once for each file.
    """
    by_series: dict[tuple[str, str], list[VolumeCandidate]] = defaultdict(list)
    for volume in volumes:
        by_series[volume.study_uid, volume.series_uid].append(volume)
    return [
        SeriesHeaders(
            series_uid=series_uid,
            study_uid=study_uid,
            role="",
            modality=members[0].modality,
            frames=read_series_frames(members, frames_of),
        )
        for (study_uid, series_uid), members in by_series.items()
    ]


def _value(frame: FrameHeader, keyword: str) -> Any:
    """Return an element, None where it cannot be decoded: damaged is missing, never a pass."""
    try:
        return frame.get(keyword)
    except HeaderError:
        return None
