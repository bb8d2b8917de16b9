"""Errors of the radiomics room."""

from biomarker_cli.model.errors import CaseError, ConfigurationError


class RadiomicsError(CaseError):
    """An image and its regions that these rules cannot measure."""


class RadiomicsRulesError(ConfigurationError):
    """Rules that contradict each other, or a parameter file that cannot be carried over."""
