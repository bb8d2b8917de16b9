"""Errors of the compiled kernels."""

from __future__ import annotations

from biomarker_cli.model.errors import BiomarkerError


class KernelsError(BiomarkerError):
    """The compiled kernels cannot be used."""
