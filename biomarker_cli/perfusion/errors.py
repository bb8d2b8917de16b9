"""Errors of the perfusion room."""

from biomarker_cli.model.errors import CaseError


class PerfusionError(CaseError):
    """Images that give no trustworthy perfusion parameter or T1."""
