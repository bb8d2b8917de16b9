"""The image that a segmentation is imported for, by its path."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.choosing import named_images, single_candidate
from biomarker_cli.imaging.files import is_image_file, read_image_file
from biomarker_cli.imaging.image_words import require_used
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.regions.choosing import images_meant
from biomarker_cli.regions.target import ImageTarget

if TYPE_CHECKING:
    from biomarker_cli.catalogue.catalogue import Progress
    from biomarker_cli.imaging.volume import Volume


def image_target(
    image: Path, series: str, segmentation: Path, progress: Progress | None = None
) -> tuple[ImageTarget, Callable[[], Volume]]:
    """Return the target, and a function that reads its voxels, which a preview needs.

    Parameters
    ----------
    image : Path
        Folder or file of DICOM, or NIfTI, NRRD or MHA.
    series : str
        UID or volume id of the one that is meant; empty for the one that `segmentation`
        refers to.
    segmentation : Path
    progress : callable, optional
        Called now and then with the number of files indexed and in all.

    Raises
    ------
    BiomarkerError
        Where there is no such image, more than one, or it makes no volume.
    """
    if is_image_file(image):
        require_used([image], series)
        declared = read_image_file(image, UNITLESS)
        return ImageTarget.from_volume(declared), lambda: declared
    from biomarker_cli.catalogue.catalogue import scan
    from biomarker_cli.catalogue.reading import read_frames, read_volume

    images = named_images(scan([image], progress).candidates, series)
    candidate = single_candidate(images_meant(images, segmentation))
    if candidate.geometry is None:
        volume = read_volume(candidate)  # raises the reason why it is no volume
        return ImageTarget.from_volume(volume), lambda: volume
    target = ImageTarget.from_frames(candidate.geometry, read_frames(candidate))
    return target, partial(read_volume, candidate)
