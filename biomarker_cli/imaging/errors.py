"""Errors of the imaging room."""

from biomarker_cli.model.errors import CaseError


class GeometryError(CaseError):
    """Two grids that must agree do not, or a grid makes no sense."""


class ImageFileError(CaseError):
    """A NIfTI, NRRD or MHA file that cannot be used."""
