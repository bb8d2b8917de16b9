"""Which image a segmentation is laid over, where a path holds several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.imaging.stored import Contents
from biomarker_cli.regions.importing import referred_to

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate


def images_meant(
    images: Sequence[VolumeCandidate],
    segmentation: Path | None,
    contents: Contents | None = None,
) -> tuple[VolumeCandidate, ...]:
    """Return the images that a segmentation was made on, all where it names none of them.

    Instances go before series: one series may hold several volumes. What a single image
    has to do with the segmentation is told by the flags of the regions.

    Parameters
    ----------
    images : sequence of VolumeCandidate
        Those that a name or a study leaves to choose from.
    segmentation : Path or None
        Label images refer to nothing, and are not opened.
    contents : mapping, optional
        Bytes of its file: those of a case.

    Raises
    ------
    CaseError
        Where the segmentation cannot be read, or is none.
    """
    if len(images) < 2 or segmentation is None or is_image_file(segmentation):
        return tuple(images)
    series, instances = referred_to(segmentation, contents)
    by_instance = [c for c in images if any(f.sop_instance_uid in instances for f in c.refs)]
    return tuple(by_instance or [c for c in images if c.series_uid in series] or images)
