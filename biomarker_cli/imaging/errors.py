"""Errors of the imaging room."""

from biomarker_cli.model.errors import CaseError


class ImageFileError(CaseError):
    """A NIfTI, NRRD or MHA file that cannot be used."""


class KeptFileError(CaseError):
    """A file that a run kept beside a result is not as it was written."""
