"""Errors of the study room."""

from biomarker_cli.model.errors import CaseError, ConfigurationError


class StudyError(ConfigurationError):
    """A study file, list of cases or run folder that cannot be used."""


def unexpected_error(kind: str) -> CaseError:
    """Return the error of a case that something unexpected stopped, in planning or measuring.

    Parameters
    ----------
    kind : str
        Name of what was raised.
    """
    return CaseError(
        "CASE-INTERNAL",
        f"an unexpected {kind} stopped the case",
        hint="The traceback stands in run.log; please report it.",
    )
