"""Errors of the exchange room."""

from biomarker_cli.model.errors import CaseError, ConfigurationError, InputNotFoundError


class ExchangeError(ConfigurationError):
    """A key, a profile or a folder with which nothing may leave."""


class ObjectRefusedError(CaseError):
    """A file that cannot be made free of identity; the others go on."""


class LeakError(CaseError):
    """Something of a person was found in what was written: nothing of it stays."""


class NotExportedError(CaseError):
    """A case of which no DICOM object can be made; the others go on."""


class ReportRefusedError(CaseError):
    """A structured report of which no row can be made; the others go on."""


class BundleError(InputNotFoundError):
    """An archive that is no bundle, or is not what it says."""
