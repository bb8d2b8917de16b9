"""Errors of the PET room."""

from __future__ import annotations

from biomarker_cli.model.errors import CaseError, ConfigurationError


class SuvError(CaseError):
    """A series that does not say enough, or contradicts itself: no SUV is made of it."""


class OverrideError(ConfigurationError):
    """An override file that cannot be used as it is written."""


class PhantomError(CaseError):
    """A phantom image in which the spheres, or what they need, cannot be found."""
