"""Choose the volume that is meant among those found."""

from __future__ import annotations

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.errors import ImageError

_LISTED = 12


def named_images(
    candidates: tuple[VolumeCandidate, ...], series: str = ""
) -> tuple[VolumeCandidate, ...]:
    """Return the image volumes of a series or with a volume id; without one, all.

    Raises
    ------
    ImageError
        ``IMAGE-NOT-FOUND``, ``IMAGE-AMBIGUOUS`` where one series stands in
        several studies.
    """
    images = tuple(c for c in candidates if c.is_image)
    if series:
        named = tuple(c for c in images if c.is_called(series))
        if not named:
            raise ImageError(
                "IMAGE-NOT-FOUND",
                f"no image volume or series is called {series}",
                hint=f"There are: {', '.join(c.volume_id for c in images) or 'none'}.",
            )
        _require_one_study(named)
        return named
    if not images:
        skipped = sorted({c.error_code for c in candidates})
        raise ImageError(
            "IMAGE-NOT-FOUND",
            f"the path holds no DICOM image ({len(candidates)} other objects)",
            hint=f"They were refused as: {', '.join(skipped)}." if skipped else "It is empty.",
        )
    _require_one_study(images)
    return images


def _require_one_study(images: tuple[VolumeCandidate, ...]) -> None:
    """Refuse one SeriesInstanceUID in several studies: its volumes are not one series."""
    first: dict[str, VolumeCandidate] = {}
    for image in images:
        other = first.setdefault(image.series_uid, image)
        if other.study_uid != image.study_uid:
            studies = {c.study_uid for c in images if c.series_uid == image.series_uid}
            raise ImageError(
                "IMAGE-AMBIGUOUS",
                f"SeriesInstanceUID {image.series_uid} stands in several studies: "
                + ", ".join(sorted(studies)),
                hint="One of them was renamed, as by de-identification: name the one to measure "
                f"with --series {other.volume_id.partition('#')[0]} (series_uid of the study), or "
                "take the other away.",
            )


def single_candidate(candidates: tuple[VolumeCandidate, ...]) -> VolumeCandidate:
    """Return the one volume.

    Raises
    ------
    ImageError
        ``IMAGE-AMBIGUOUS`` where there are several.
    """
    if len(candidates) > 1:
        shown = "; ".join(
            " ".join(filter(None, (c.volume_id, c.kind, c.split_by))) for c in candidates[:_LISTED]
        )
        raise ImageError(
            "IMAGE-AMBIGUOUS",
            f"one volume is expected, the path holds {len(candidates)}: {shown}",
            hint="Name the one to measure with --series, or in the series_uid of the study.",
        )
    return candidates[0]
