"""Errors of the sheets of phantoms."""

from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError


class SheetError(ConfigurationError):
    """A sheet, or a wish for a phantom, that cannot be used as it is written."""


class SheetEmptyError(InputNotFoundError):
    """A sheet in which no number stands."""
