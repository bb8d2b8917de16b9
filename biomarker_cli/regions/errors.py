"""Errors of the regions room."""

from biomarker_cli.model import CaseError


class RegionError(CaseError):
    """A segmentation, or one ROI of it, that cannot be imported."""
