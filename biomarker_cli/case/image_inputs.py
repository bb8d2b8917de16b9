"""ImageInputs: one image of a case while it is measured."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.errors import ImageError
from biomarker_cli.model.quantity import DECLARABLE, QUANTITIES, UNITLESS
from biomarker_cli.regions.choosing import images_meant

if TYPE_CHECKING:
    from pathlib import Path

    # An image is DICOM or a file of another format: only its reader is loaded.
    from biomarker_cli.case.analysis import Analysis
    from biomarker_cli.case.inputs import CaseInputs
    from biomarker_cli.case.plan import ImagePlan
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.imaging.volume import Volume


class ImageInputs:
    """One image of a case, read through the files of the case; a `CaseImage`.

    Parameters
    ----------
    case : CaseInputs
    plan : ImagePlan
    mask : Path, optional
        The segmentation that is laid over it.

    Attributes
    ----------
    case : CaseInputs
    plan : ImagePlan
    """

    def __init__(self, case: CaseInputs, plan: ImagePlan, mask: Path | None = None) -> None:
        self.case = case
        self.plan = plan
        self._mask = mask

    @property
    def is_declared(self) -> bool:
        """Whether it is a file without header, whose quantity the user declares."""
        return self.plan.is_declared

    @property
    def dicom(self) -> DicomFiles:
        """The door to the DICOM files of the case."""
        return self.case.dicom

    @cached_property
    def _analyses(self) -> list[Analysis]:
        """Those that measure this image."""
        plan = self.case.plan
        return [one for one in plan.analyses if plan.image_of(one).name == self.plan.name]

    def candidates(self) -> tuple[VolumeCandidate, ...]:
        """Return the image volumes that the plan of the image speaks of.

        Of several, those that its segmentation was made on, unless a measure takes all.

        Raises
        ------
        ImageError
            ``IMAGE-NOT-FOUND``.
        CaseError
            Where there are several, and the segmentation cannot be read.
        """
        from biomarker_cli.catalogue.choosing import named_images

        images = named_images(self.plan.candidates, self.plan.series)
        if any(analysis.room.EVERY_VOLUME for analysis in self._analyses):
            return images
        return self._meant(images)

    def _meant(self, images: tuple[VolumeCandidate, ...]) -> tuple[VolumeCandidate, ...]:
        return images_meant(images, self._mask, self.case.files or None)

    @property
    def is_single(self) -> bool:
        """Whether it is one volume of DICOM, which is what it is measured on."""
        return not self.is_declared and len(self.candidates()) == 1

    def volume(self) -> Volume:
        """Return the one volume, from DICOM or from a file of another format.

        Raises
        ------
        ImageError
            ``IMAGE-NOT-FOUND``, ``IMAGE-AMBIGUOUS``, ``IMAGE-NO-QUANTITY``.
        """
        kept = self.__dict__.get("_volume")
        if kept is None:
            kept = self._read_volume()
            if len(self._analyses) > 1:
                # The others measure the same; for one alone it would only take room.
                self.__dict__["_volume"] = kept
        volume: Volume = kept
        return volume

    def _read_volume(self) -> Volume:
        if not self.plan.files:
            from biomarker_cli.catalogue.choosing import single_candidate
            from biomarker_cli.catalogue.reading import read_volume

            # Another measure of the same image may have taken all.
            return read_volume(single_candidate(self._meant(self.candidates())), self.dicom)
        if not self.plan.quantity:
            raise ImageError(
                "IMAGE-NO-QUANTITY",
                "the file does not say what its numbers mean",
                where=self.plan.files[0].name,
                hint=f"Declare it with --quantity {'|'.join(DECLARABLE)}.",
            )
        return self.declared_volume()

    def declared_volume(self) -> Volume:
        """Return the one NIfTI, NRRD or MHA file, as the quantity declared.

        Raises
        ------
        ImageError
            ``IMAGE-AMBIGUOUS``.
        """
        files = self.plan.files
        if len(files) > 1:
            raise ImageError("IMAGE-AMBIGUOUS", f"one image is expected, found {len(files)} files")
        from biomarker_cli.imaging.files import read_image_file

        quantity = QUANTITIES.get(self.plan.quantity, UNITLESS)
        # A plan that was made by hand knows no files.
        return read_image_file(files[0], quantity, self.case.files or None)
