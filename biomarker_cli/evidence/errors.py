"""Errors of clinical tables, and of what is asked of outcomes that cannot be answered as asked."""

from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError


class ClinicalError(ConfigurationError):
    """A clinical table or its schema that may not, or cannot, be joined as it is."""


class AssociationError(ConfigurationError):
    """A plan that cannot be carried out as it is written."""


class EvidenceNotFoundError(InputNotFoundError):
    """Nothing that could be joined, or held against an outcome."""


class NotEstimableError(Exception):
    """A number that these data do not define; the message says why, and a row holds it."""
