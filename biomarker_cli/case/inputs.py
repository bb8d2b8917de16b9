"""What a case is read from: its files, each once, and its images."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.case.image_inputs import ImageInputs
from biomarker_cli.imaging.files import files_of_image
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.inputs import FileRead, InputFiles
from biomarker_cli.regions.opening import files_of_segmentation

if TYPE_CHECKING:
    from biomarker_cli.case.analysis import Analysis
    from biomarker_cli.case.other_cases import OtherCase
    from biomarker_cli.case.plan import CasePlan, ImagePlan
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.imaging.volume import Volume


SPARE_BYTES = 256 * 1024 * 1024
"""Content of files that a case of several volumes may keep."""


def image_paths(plan: CasePlan) -> list[Path]:
    """Return the files of the images, slices in the order of the volumes."""
    paths = [path for image in plan.images for path in paths_of_image(image)]
    return list(dict.fromkeys(paths))


def paths_of_image(image: ImagePlan) -> list[Path]:
    """Return the files of one image."""
    paths = [ref.path for c in image.volumes for ref in c.refs]
    return paths + [path for file in image.files for path in files_of_image(file)]


def mask_paths(mask: Path | None) -> list[Path]:
    """Return the files of a segmentation."""
    if mask is None or mask.is_dir():
        return []  # reading the case refuses a folder, whatever lies in it
    return files_of_segmentation(mask)


class CaseInputs:
    """The files of a case while it is measured.

    Parameters
    ----------
    plan : CasePlan

    Attributes
    ----------
    plan : CasePlan
    files : InputFiles
    """

    def __init__(self, plan: CasePlan) -> None:
        self.plan = plan
        self.files: InputFiles = plan.inputs

    @cached_property
    def dicom(self) -> DicomFiles:
        """The door to the files that are DICOM."""
        from biomarker_cli.dicom.files import DicomFiles

        # Maps are made of many volumes, which may lie in one file.
        several = len(self.plan.volumes) > 1
        return DicomFiles(self.files, SPARE_BYTES if several else 0)

    @cached_property
    def images(self) -> Mapping[str, ImageInputs]:
        """The images of the case, by name."""
        return {image.name: ImageInputs(self, image, self.plan.mask) for image in self.plan.images}

    def image_of(self, analysis: Analysis) -> ImageInputs:
        """Return the image that an analysis measures."""
        return self.images[self.plan.image_of(analysis).name]

    def volume_of_other(self, other: OtherCase) -> Volume:
        """Return the image of another case: of several, that which its segmentation tells.

        Raises
        ------
        CaseError
            With the code of what refuses it; the message names the other case.
        """
        try:
            return ImageInputs(self, other.image, other.mask).volume()
        except CaseError as error:
            message = f"{error.message} (image of {other.case_id})"
            raise type(error)(error.code, message, where=error.where, hint=error.hint) from error

    def read_all(self) -> dict[Path, FileRead]:
        """Return the digests of all files of the case, in the order image, segmentation.

        What nobody has asked for is read now; what cannot be read is left out, also where
        nobody expected why: who measured the case has said it, and this may be the run.
        """
        found: dict[Path, FileRead] = {}
        for path in self.plan.input_paths:
            with contextlib.suppress(Exception):
                found[path] = self._read(path)
        return found

    def _read(self, path: Path) -> FileRead:
        if path not in self.files.read and path in self._dicom_images:
            # Its pixels are told apart as well.
            self.dicom.read(path)
        if path not in self.files.read:
            self.files.content(path)
        self.files.let_go(path)
        return self.files.read[path]

    @cached_property
    def _dicom_images(self) -> frozenset[Path]:
        others = (c for other in self.plan.others for c in other.image.volumes)
        return frozenset(ref.path for c in chain(self.plan.volumes, others) for ref in c.refs)


def pixels_of(plan: CasePlan, read: Mapping[Path, FileRead]) -> str:
    """Return a digest of the stored pixels of the images of a case; empty where there are none.

    Neither their order counts, which names and UIDs decide, nor the segmentation, which
    has pixels as well where it is a DICOM SEG.
    """
    images = {ref.path for c in plan.volumes for ref in c.refs}
    found = sorted(read[path].pixels for path in images if path in read and read[path].pixels)
    return hashlib.sha256("".join(found).encode()).hexdigest() if found else ""


@dataclass(frozen=True)
class PartDigests:
    """What image and segmentation of a case were, whatever their files are called.

    Attributes
    ----------
    image_sha256, mask_sha256 : str
        sha256 over the sorted digests of their files; empty where one could not be read.
    """

    image_sha256: str = ""
    mask_sha256: str = ""


NOTHING_READ = PartDigests()


def digests_of_parts(plan: CasePlan, read: Mapping[Path, FileRead]) -> PartDigests:
    """Return the digests of image and segmentation; `own_paths` holds the image first.

    A mask that is carried is made of the image and the mask of the other case, and of the
    transform where one is given.
    """
    paths = plan.own_paths
    first = paths.index(plan.mask) if plan.mask in paths else len(paths)
    masks = plan.carried.input_paths if plan.carried else paths[first:]
    return PartDigests(_digest_of(paths[:first], read), _digest_of(masks, read))


def _digest_of(paths: Sequence[Path], read: Mapping[Path, FileRead]) -> str:
    if not paths or not all(path in read for path in paths):
        return ""
    found = sorted(read[path].sha256 for path in paths)
    return hashlib.sha256("".join(found).encode()).hexdigest()


def known_or_read(plan: CasePlan) -> dict[Path, FileRead]:
    """Return the digests of the files of a plan; none is opened whose digest is known."""
    known = {path: plan.inputs.known_digest(path) for path in plan.input_paths}
    if all(known.values()):
        return {path: read for path, read in known.items() if read is not None}
    return CaseInputs(plan).read_all()
