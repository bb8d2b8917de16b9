"""Errors of the tables room."""

from biomarker_cli.model.errors import InputNotFoundError


class TableError(InputNotFoundError):
    """A table that is absent or is not one of ours."""
