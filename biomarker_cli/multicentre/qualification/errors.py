"""Errors of qualifying an installation: what it was asked to use and cannot."""

from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError


class QualificationError(InputNotFoundError):
    """Data or an engine that was asked for and is not there."""


class CertificateError(ConfigurationError):
    """A file that is no certificate, or was altered."""
