"""Errors of the catalogue: series that are no volume, images that cannot be found."""

from biomarker_cli.model.errors import CaseError


class SeriesError(CaseError):
    """Files of a series that do not make one regular volume."""


class ImageError(CaseError):
    """The image that is meant is absent, ambiguous or of the wrong kind."""
