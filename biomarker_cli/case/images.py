"""The image of a case: which volume it is, read once."""

from __future__ import annotations

from biomarker_cli.case.errors import ImageError
from biomarker_cli.case.plan import CasePlan
from biomarker_cli.catalogue import VolumeCandidate, read_volume
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import DECLARABLE, QUANTITIES, UNITLESS


def image_candidates(plan: CasePlan) -> tuple[VolumeCandidate, ...]:
    """Return the image volumes that the plan speaks of.

    Raises
    ------
    ImageError
        ``IMAGE-NOT-FOUND``.
    """
    return named_images(plan.candidates, plan.series)


def named_images(
    candidates: tuple[VolumeCandidate, ...], series: str = ""
) -> tuple[VolumeCandidate, ...]:
    """Return the image volumes of a series or with a volume id; without one, all.

    Raises
    ------
    ImageError
        ``IMAGE-NOT-FOUND``.
    """
    images = tuple(c for c in candidates if c.is_image)
    if series:
        named = tuple(c for c in images if series in {c.volume_id, c.series_uid})
        if not named:
            raise ImageError(
                "IMAGE-NOT-FOUND",
                f"no image volume or series is called {series}",
                hint=f"There are: {', '.join(c.volume_id for c in images) or 'none'}.",
            )
        return named
    if not images:
        skipped = sorted({c.error_code for c in candidates})
        raise ImageError(
            "IMAGE-NOT-FOUND",
            f"the path holds no DICOM image ({len(candidates)} other objects)",
            hint=f"They were refused as: {', '.join(skipped)}." if skipped else "It is empty.",
        )
    return images


def single_candidate(candidates: tuple[VolumeCandidate, ...]) -> VolumeCandidate:
    """Return the one volume.

    Raises
    ------
    ImageError
        ``IMAGE-AMBIGUOUS`` where there are several.
    """
    if len(candidates) > 1:
        shown = "; ".join(
            " ".join(filter(None, (c.volume_id, c.kind, c.split_by))) for c in candidates[:12]
        )
        raise ImageError(
            "IMAGE-AMBIGUOUS",
            f"one volume is expected, the path holds {len(candidates)}: {shown}",
            hint="Name the one to measure with --series, or in the series_uid of the study.",
        )
    return candidates[0]


def read_case_volume(plan: CasePlan) -> Volume:
    """Read the one volume of a case, from DICOM or from a file of another format.

    Raises
    ------
    ImageError
        ``IMAGE-NOT-FOUND``, ``IMAGE-AMBIGUOUS``, ``IMAGE-NO-QUANTITY``.
    """
    if plan.image_files:
        return read_declared_volume(plan)
    return read_volume(single_candidate(image_candidates(plan)))


def read_declared_volume(plan: CasePlan) -> Volume:
    """Read the one NIfTI, NRRD or MHA file of a case; its quantity must be declared.

    Raises
    ------
    ImageError
        ``IMAGE-AMBIGUOUS``, ``IMAGE-NO-QUANTITY``.
    """
    if len(plan.image_files) > 1:
        raise ImageError(
            "IMAGE-AMBIGUOUS", f"one image is expected, found {len(plan.image_files)} files"
        )
    path = plan.image_files[0]
    if not plan.quantity:
        raise ImageError(
            "IMAGE-NO-QUANTITY",
            "the file does not say what its numbers mean",
            where=path.name,
            hint=f"Declare it with --quantity {'|'.join(DECLARABLE)}.",
        )
    volume = read_image_file(path, QUANTITIES.get(plan.quantity, UNITLESS))
    return volume.with_array(volume.array, volume.quantity, "quantity_declared")
