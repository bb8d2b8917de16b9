"""Errors of the diffusion room."""

from biomarker_cli.model import CaseError, ConfigurationError


class AdcError(CaseError):
    """Images that give no trustworthy diffusion coefficient."""


class CertificateError(ConfigurationError):
    """A certificate file that a person wrote and that cannot be used."""
