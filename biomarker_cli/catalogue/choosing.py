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
            " ".join(filter(None, (c.volume_id, c.kind, c.split_by))) for c in candidates[:_LISTED]
        )
        raise ImageError(
            "IMAGE-AMBIGUOUS",
            f"one volume is expected, the path holds {len(candidates)}: {shown}",
            hint="Name the one to measure with --series, or in the series_uid of the study.",
        )
    return candidates[0]
