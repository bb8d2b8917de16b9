"""Errors of what people ask of several centres' tables that cannot be answered as asked."""

from biomarker_cli.model.errors import ConfigurationError, InputNotFoundError


class AgreementError(ConfigurationError):
    """Values that may not stand in one calculation: mixtures, repetitions, confounding."""


class ComparisonError(InputNotFoundError):
    """Two sides that have nothing to compare."""


class ComparisonFileError(ConfigurationError):
    """A file of tolerances, names or a dialect that cannot be used as it is written."""


class QualificationError(InputNotFoundError):
    """Data or an engine that a qualification was asked to use, and that are not there."""


class CertificateError(ConfigurationError):
    """A file that is no certificate, or was altered."""


class PoolError(ConfigurationError):
    """Runs that may not stand in one data set, or rules for it that say nothing."""


class SampleSizeError(ConfigurationError):
    """A number of subjects that was asked for and does not exist."""


class ReviewError(ConfigurationError):
    """A central review that cannot be assigned, or what came back of one."""


class ReferenceRangeError(ConfigurationError):
    """Reference ranges that cannot be fitted, or a file of them that is none."""
