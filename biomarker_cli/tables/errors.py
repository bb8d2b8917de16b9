"""Errors of the tables room."""

from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError


class TableError(InputNotFoundError):
    """A table that is absent or is not one of ours."""


class PassportError(ConfigurationError):
    """A file of site passports, or a source of one, that cannot be used."""
