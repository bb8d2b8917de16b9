"""What is said of an image must be of use: a word that nobody applies would be silent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.imaging.files import is_image_file


class UnusedWord(NamedTuple):
    """Something that is said of an image and would decide nothing.

    Attributes
    ----------
    code, message, hint : str
        Of the error.
    """

    code: str
    message: str
    hint: str


def unused_word(images: Iterable[Path], series: str, quantity: str) -> UnusedWord | None:
    """Return what is said of an image and would not be applied; None where all of it is.

    Parameters
    ----------
    images : iterable of Path
        Files and folders; NIfTI, NRRD and MetaImage are told by their names.
    series : str
        SeriesInstanceUID or volume id, empty for none.
    quantity : str
        What the numbers are declared to be, empty for nothing.
    """
    has_header = {not is_image_file(path) for path in images}
    if len(has_header) > 1:
        return UnusedWord(
            "IMAGE-MIXED",
            "the image is named as DICOM and as a file without header, of which one alone is read",
            "Name one of them.",
        )
    if quantity and has_header == {True}:
        return UnusedWord(
            "QUANTITY-UNUSED",
            "a quantity is for files without header: DICOM says what its numbers mean",
            "Leave it out, or name a NIfTI, NRRD or MHA image.",
        )
    if series and has_header == {False}:
        return UnusedWord(
            "SERIES-UNUSED",
            "a series is of DICOM: a NIfTI, NRRD or MHA file has none",
            "Leave it out, or name the folder of the series.",
        )
    return None
