"""Errors of the PET room."""

from __future__ import annotations

from typing import Any

from biomarker_cli.model.errors import CaseError, ConfigurationError


class SuvError(CaseError):
    """A series that does not say enough, or contradicts itself: no SUV is made of it.

    Attributes
    ----------
    derivation : dict
        What was read until the refusal, where the series was being derived.
    """

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(code, message, where=where, hint=hint)
        self.derivation: dict[str, Any] = {}


class OverrideError(ConfigurationError):
    """An override file that cannot be used as it is written."""


class PhantomError(CaseError):
    """A phantom image in which the spheres, or what they need, cannot be found."""
