"""Errors of the report room."""

from biomarker_cli.model.errors import ConfigurationError


class ReportError(ConfigurationError):
    """Tables of which no picture can be made as it was asked for."""
