"""The image of a case: which volume it is, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biomarker_cli.case.plan import CasePlan
from biomarker_cli.catalogue.errors import ImageError
from biomarker_cli.model.quantity import DECLARABLE, QUANTITIES, UNITLESS
from biomarker_cli.regions import images_meant

if TYPE_CHECKING:
    # An image is DICOM or a file of another format: only its reader is loaded.
    from biomarker_cli.catalogue import VolumeCandidate
    from biomarker_cli.imaging.volume import Volume


def image_candidates(plan: CasePlan) -> tuple[VolumeCandidate, ...]:
    """Return the image volumes that the plan speaks of.

    Of several, those that its segmentation was made on; an ADC needs them all.

    Raises
    ------
    ImageError
        ``IMAGE-NOT-FOUND``.
    CaseError
        Where there are several, and the segmentation cannot be read.
    """
    from biomarker_cli.catalogue import named_images

    images = named_images(plan.candidates, plan.series)
    if any(analysis.protocol.measure == "adc" for analysis in plan.analyses):
        return images
    return images_meant(images, plan.mask)


def read_case_volume(plan: CasePlan) -> Volume:
    """Read the one volume of a case, from DICOM or from a file of another format.

    Raises
    ------
    ImageError
        ``IMAGE-NOT-FOUND``, ``IMAGE-AMBIGUOUS``, ``IMAGE-NO-QUANTITY``.
    """
    if not plan.image_files:
        from biomarker_cli.catalogue import read_volume, single_candidate

        # An ADC of the same case left them all.
        return read_volume(single_candidate(images_meant(image_candidates(plan), plan.mask)))
    if not plan.quantity:
        raise ImageError(
            "IMAGE-NO-QUANTITY",
            "the file does not say what its numbers mean",
            where=plan.image_files[0].name,
            hint=f"Declare it with --quantity {'|'.join(DECLARABLE)}.",
        )
    return read_declared_volume(plan)


def read_declared_volume(plan: CasePlan) -> Volume:
    """Read the one NIfTI, NRRD or MHA file of a case, as the quantity that was declared.

    Raises
    ------
    ImageError
        ``IMAGE-AMBIGUOUS``.
    """
    if len(plan.image_files) > 1:
        raise ImageError(
            "IMAGE-AMBIGUOUS", f"one image is expected, found {len(plan.image_files)} files"
        )
    from biomarker_cli.imaging.files import read_image_file

    return read_image_file(plan.image_files[0], QUANTITIES.get(plan.quantity, UNITLESS))
