"""Errors of the study room."""

from biomarker_cli.model import ConfigurationError


class StudyError(ConfigurationError):
    """A study file, list of cases or run folder that cannot be used."""
