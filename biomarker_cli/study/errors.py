"""Errors of the study room."""

from biomarker_cli.model import CaseError, ConfigurationError


class StudyError(ConfigurationError):
    """A study file, list of cases or run folder that cannot be used."""


def unexpected_error(error: Exception) -> CaseError:
    """Return the error of a case that something unexpected stopped, in planning or measuring."""
    return CaseError(
        "CASE-INTERNAL",
        f"an unexpected {type(error).__name__} stopped the case",
        hint="The traceback stands in run.log; please report it.",
    )
