"""Errors of comparing: what cannot be compared, and files that people wrote for it."""

from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError


class ComparisonError(InputNotFoundError):
    """Two sides that have nothing to compare."""


class ComparisonFileError(ConfigurationError):
    """A file of tolerances, names or a dialect that cannot be used as it is written."""
