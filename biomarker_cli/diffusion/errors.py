"""Errors of the diffusion room."""

from biomarker_cli.model.errors import CaseError


class AdcError(CaseError):
    """Images that give no trustworthy diffusion coefficient."""
