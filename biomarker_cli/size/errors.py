"""Errors of the size room."""

from biomarker_cli.model.errors import CaseError


class SizeError(CaseError):
    """An image or a region whose diameters would not be those that criteria speak of."""
