"""Errors of the registration room."""

from biomarker_cli.model.errors import CaseError


class RegistrationError(CaseError):
    """Two images that cannot be brought into one space, or a transform that cannot be used."""
