"""What a case is read from: its files, each once, and the volume that its analyses share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.errors import ImageError
from biomarker_cli.imaging.files import files_of_image
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.inputs import FileRead, InputFiles
from biomarker_cli.model.quantity import DECLARABLE, QUANTITIES, UNITLESS
from biomarker_cli.regions.choosing import images_meant
from biomarker_cli.regions.opening import files_of_segmentation

if TYPE_CHECKING:
    # An image is DICOM or a file of another format: only its reader is loaded.
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.imaging.volume import Volume


SPARE_BYTES = 256 * 1024 * 1024
"""Content of files that a case of several volumes may keep."""


def image_paths(plan: CasePlan) -> list[Path]:
    """Return the files of the image, slices in the order of the volume."""
    refs = [ref.path for c in plan.images for ref in c.refs]
    files = [path for file in plan.image_files for path in files_of_image(file)]
    return list(dict.fromkeys([*refs, *files]))


def mask_paths(plan: CasePlan) -> list[Path]:
    """Return the files of the segmentation."""
    if plan.mask is None or plan.mask.is_dir():
        return []  # reading the case refuses a folder, whatever lies in it
    return files_of_segmentation(plan.mask)


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
        several = len(self.plan.images) > 1
        return DicomFiles(self.files, SPARE_BYTES if several else 0)

    def candidates(self) -> tuple[VolumeCandidate, ...]:
        """Return the image volumes that the plan speaks of.

        Of several, those that its segmentation was made on; an ADC needs them all.

        Raises
        ------
        ImageError
            ``IMAGE-NOT-FOUND``.
        CaseError
            Where there are several, and the segmentation cannot be read.
        """
        from biomarker_cli.catalogue.choosing import named_images

        images = named_images(self.plan.candidates, self.plan.series)
        if any(analysis.protocol.measure == "adc" for analysis in self.plan.analyses):
            return images
        return self._meant(images)

    def _meant(self, images: tuple[VolumeCandidate, ...]) -> tuple[VolumeCandidate, ...]:
        return images_meant(images, self.plan.mask, self.files or None)

    def volume(self) -> Volume:
        """Return the one volume of the case, from DICOM or from a file of another format.

        Raises
        ------
        ImageError
            ``IMAGE-NOT-FOUND``, ``IMAGE-AMBIGUOUS``, ``IMAGE-NO-QUANTITY``.
        """
        kept = self.__dict__.get("_volume")
        if kept is None:
            kept = self._read_volume()
            if len(self.plan.analyses) > 1:
                # The others measure the same; for one alone it would only take room.
                self.__dict__["_volume"] = kept
        volume: Volume = kept
        return volume

    def _read_volume(self) -> Volume:
        if not self.plan.image_files:
            from biomarker_cli.catalogue.choosing import single_candidate
            from biomarker_cli.catalogue.reading import read_volume

            # An ADC of the same case left them all.
            return read_volume(single_candidate(self._meant(self.candidates())), self.dicom)
        if not self.plan.quantity:
            raise ImageError(
                "IMAGE-NO-QUANTITY",
                "the file does not say what its numbers mean",
                where=self.plan.image_files[0].name,
                hint=f"Declare it with --quantity {'|'.join(DECLARABLE)}.",
            )
        return self.declared_volume()

    def declared_volume(self) -> Volume:
        """Return the one NIfTI, NRRD or MHA file of the case, as the quantity declared.

        Raises
        ------
        ImageError
            ``IMAGE-AMBIGUOUS``.
        """
        files = self.plan.image_files
        if len(files) > 1:
            raise ImageError("IMAGE-AMBIGUOUS", f"one image is expected, found {len(files)} files")
        from biomarker_cli.imaging.files import read_image_file

        quantity = QUANTITIES.get(self.plan.quantity, UNITLESS)
        # A plan that was made by hand knows no files.
        return read_image_file(files[0], quantity, self.files or None)

    def read_all(self) -> dict[Path, FileRead]:
        """Return the digests of all files of the case, in the order image, segmentation.

        What nobody has asked for is read now; what cannot be read is left out.
        """
        found: dict[Path, FileRead] = {}
        for path in self.plan.input_paths:
            try:
                found[path] = self._read(path)
            except (BiomarkerError, OSError):
                continue
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
        return frozenset(ref.path for c in self.plan.images for ref in c.refs)


def pixels_of(plan: CasePlan, read: Mapping[Path, FileRead]) -> str:
    """Return a digest of the stored pixels of the images of a case; empty where there are none.

    Neither their order counts, which names and UIDs decide, nor the segmentation, which
    has pixels as well where it is a DICOM SEG.
    """
    images = {ref.path for c in plan.images for ref in c.refs}
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
    """Return the digests of image and segmentation; `input_paths` holds the image first."""
    paths = plan.input_paths
    first = paths.index(plan.mask) if plan.mask in paths else len(paths)
    return PartDigests(_digest_of(paths[:first], read), _digest_of(paths[first:], read))


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
