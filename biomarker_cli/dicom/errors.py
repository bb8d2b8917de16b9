"""Errors of the DICOM room."""

from biomarker_cli.model.errors import CaseError


class HeaderError(CaseError):
    """A file that is no DICOM, or whose header cannot be read."""


class PixelError(CaseError):
    """Pixel data that cannot be decoded, or do not fit their header."""
