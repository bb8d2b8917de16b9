"""The images that a case was measured on: what a SEG or SR of it refers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.candidate import VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.catalogue import Catalogue, Progress, scan
from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.exchange.errors import NotExportedError

if TYPE_CHECKING:
    from biomarker_cli.dicom.frames import Frames
    from biomarker_cli.exchange.results.outgoing_run import OutgoingCase
    from biomarker_cli.imaging.geometry import Geometry


@dataclass(frozen=True)
class SourceImages:
    """DICOM below some folders, among which the images of the cases are.

    Attributes
    ----------
    catalogue : Catalogue
    """

    catalogue: Catalogue

    @classmethod
    def below(cls, paths: Sequence[Path], progress: Progress | None = None) -> SourceImages:
        """Return what lies below some folders.

        Raises
        ------
        InputNotFoundError
            ``PATH-NOT-FOUND``.
        """
        return cls(scan(paths, progress))

    def frames(self, case: OutgoingCase, geometry: Geometry) -> Frames:
        """Return the headers of the image of a case that has a grid, slice by slice.

        Of several volumes with that grid (b-values, echoes) the first by its volume id.

        Raises
        ------
        NotExportedError
            ``EXPORT-NO-IMAGE`` where none is there.
        """
        found = sorted(
            (one for one in self._of_case(case) if _lies_on(one, geometry)),
            key=lambda one: one.volume_id,
        )
        if not found:
            raise NotExportedError(
                "EXPORT-NO-IMAGE",
                "no DICOM image of the case has the grid that it was measured on",
                where=case.case_id,
                hint="Name the folder that holds its series with --image. What was measured "
                "on NIfTI, NRRD or MHA has no patient and study to refer to.",
            )
        return read_frames(found[0])

    def _of_case(self, case: OutgoingCase) -> list[VolumeCandidate]:
        return [
            one
            for one in self.catalogue.volumes
            if one.status is VolumeStatus.OK
            and one.study_uid == case.study_uid
            and one.series_uid in case.series_uids
        ]


def _lies_on(candidate: VolumeCandidate, geometry: Geometry) -> bool:
    return candidate.geometry is not None and candidate.geometry.same_grid(geometry)
