"""Why an image file is refused: each reason worded once, for every format."""

from __future__ import annotations

from pathlib import Path

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.model.wording import valid_unicode


def unreadable(path: Path, why: str) -> ImageFileError:
    """Return the refusal of a file that is cut short, damaged, or not what its name says."""
    return ImageFileError(
        "IMAGE-FILE-UNREADABLE",
        f"the image file cannot be read: {valid_unicode(why)}",
        where=path.name,
        hint="Copy the file again, and compare its size with that of the source.",
    )


def bad_shape(path: Path, found: str) -> ImageFileError:
    """Return the refusal of what is no single volume of numbers."""
    return ImageFileError(
        "IMAGE-FILE-SHAPE",
        "expected one volume of three dimensions with one number per voxel, "
        f"found {valid_unicode(found)}",
        where=path.name,
        hint="Split a series of volumes into one file each.",
    )


def bad_geometry(path: Path, found: str) -> ImageFileError:
    """Return the refusal of a file whose place in the patient is not known."""
    return ImageFileError(
        "IMAGE-FILE-GEOMETRY",
        f"the grid of the image cannot be trusted: {valid_unicode(found)}",
        where=path.name,
        hint="Convert the image again from its DICOM series.",
    )


def scaled(path: Path, found: str) -> ImageFileError:
    """Return the refusal of a header whose scale other readers of the format pass over."""
    return ImageFileError(
        "IMAGE-FILE-SCALED",
        "the header scales its numbers, which readers of the format pass over: "
        f"{valid_unicode(found)}",
        where=path.name,
        hint="Write the image again with its real numbers and without a scale.",
    )


def too_large(path: Path, found: str) -> ImageFileError:
    """Return the refusal of a file that would take more memory than an image may."""
    return ImageFileError(
        "IMAGE-FILE-TOO-LARGE",
        f"the image is larger than an image may be: {valid_unicode(found)}",
        where=path.name,
        hint="Check its header; crop or resample an image that is really so large.",
    )


def detached(path: Path, found: str) -> ImageFileError:
    """Return the refusal of a header whose voxels lie in files that cannot be taken."""
    return ImageFileError(
        "IMAGE-FILE-DETACHED",
        f"the voxels that the header names cannot be taken: {valid_unicode(found)}",
        where=path.name,
        hint="Keep header and voxels in one folder, under the names that the header gives.",
    )
