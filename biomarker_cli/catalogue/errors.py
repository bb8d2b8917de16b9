"""Errors of the catalogue: series that are no volume."""

from biomarker_cli.model import CaseError


class SeriesError(CaseError):
    """Files of a series that do not make one regular volume."""
