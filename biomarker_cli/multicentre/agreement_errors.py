"""Errors of what people ask of tables that cannot be answered as asked."""

from biomarker_cli.model.errors import ConfigurationError


class AgreementError(ConfigurationError):
    """Values that may not stand in one calculation: mixtures, repetitions, confounding."""
