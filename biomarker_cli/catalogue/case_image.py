"""CaseImage: what a biomarker room may ask of the image that it measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # An image file of another format is measured without a look into DICOM.
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.dicom.frames import FrameHeader
    from biomarker_cli.imaging.volume import Volume


class CaseImage(Protocol):
    """The image of a case: DICOM that the catalogue found, or a file of another format."""

    @property
    def is_declared(self) -> bool:
        """Whether it is a file without header, whose quantity the user declares."""

    @property
    def dicom(self) -> DicomFiles:
        """The door to its files, which are read once."""

    def candidates(self) -> tuple[VolumeCandidate, ...]:
        """Return the volumes of the catalogue that are meant."""

    def volume(self) -> Volume:
        """Return its one volume, in the quantity of its header or as it is declared."""

    def declared_volume(self) -> Volume:
        """Return the volume of its one file, of whatever quantity."""


@dataclass(frozen=True, slots=True)
class ProposedRole:
    """Which images a measure serves, and what a new study proposes for them.

    Attributes
    ----------
    name : str
        The role in the study.
    modality : str
        DICOM modality of the images.
    acquisition, analysis : str
        Ids of the protocols.
    split_by : str
        What a volume of the series is told apart by; empty where that does not matter.
    least_volumes : int
        Volumes that the series must hold.
    of_header : callable, optional
        Whether the header of its first slice is one of such images.
    """

    name: str
    modality: str
    acquisition: str
    analysis: str
    split_by: str = ""
    least_volumes: int = 1
    of_header: Callable[[FrameHeader], bool] | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for more than a modality."""
        return bool(self.split_by) or self.of_header is not None

    def fits(
        self, candidates: Sequence[VolumeCandidate], header: Callable[[], FrameHeader]
    ) -> bool:
        """Tell whether the volumes of a series are images of this role.

        Parameters
        ----------
        candidates : sequence of VolumeCandidate
        header : callable
            Reads that of the first slice, where one is asked for.
        """
        if candidates[0].modality != self.modality or len(candidates) < self.least_volumes:
            return False
        if self.split_by and not any(self.split_by in c.split_by for c in candidates):
            return False
        return self.of_header is None or self.of_header(header())
