"""What is said of an image must be of use: a word that nobody applies would be silent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model.errors import ConfigurationError


def unused_word(
    images: Iterable[Path], series: str, quantity: str | None
) -> ConfigurationError | None:
    """Return the error of what would not be applied to an image; None where all of it is.

    Parameters
    ----------
    images : iterable of Path
        Files and folders; NIfTI, NRRD and MetaImage are told by their names.
    series : str
        SeriesInstanceUID or volume id, empty for none.
    quantity : str or None
        What the numbers are declared to be, None for nothing.
    """
    has_header = {not is_image_file(path) for path in images}
    if len(has_header) > 1:
        return ConfigurationError(
            "IMAGE-MIXED",
            "the image is named as DICOM and as a file without header, of which one alone is read",
            hint="Name one of them.",
        )
    if quantity is not None and has_header == {True}:
        return ConfigurationError(
            "QUANTITY-UNUSED",
            "a quantity is for files without header: DICOM says what its numbers mean",
            hint="Leave it out, or name a NIfTI, NRRD or MHA image.",
        )
    if series and has_header == {False}:
        return ConfigurationError(
            "SERIES-UNUSED",
            "a series is of DICOM: a NIfTI, NRRD or MHA file has none",
            hint="Leave it out, or name the folder of the series.",
        )
    return None


def require_used(images: Iterable[Path], series: str, quantity: str | None = None) -> None:
    """Refuse what would not be applied to an image; see `unused_word`.

    Raises
    ------
    ConfigurationError
        ``IMAGE-MIXED``, ``QUANTITY-UNUSED``, ``SERIES-UNUSED``.
    """
    unused = unused_word(images, series, quantity)
    if unused is not None:
        raise unused
