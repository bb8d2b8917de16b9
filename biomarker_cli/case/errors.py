"""Errors of the case room."""

from biomarker_cli.model import CaseError


class ImageError(CaseError):
    """The image of a case is absent, ambiguous or of the wrong kind."""
