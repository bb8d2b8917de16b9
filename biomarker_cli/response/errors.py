"""Errors of response assessment."""

from biomarker_cli.model.errors import ConfigurationError


class ResponseError(ConfigurationError):
    """Readings, a ledger or a criterion that cannot be judged as they are written."""
