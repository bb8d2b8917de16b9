"""Measurement: one number, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from biomarker_cli.model.caliper import Caliper
from biomarker_cli.model.features import FeatureDefinition


class MeasurementStatus(StrEnum):
    """Whether a row carries a value, and if not, why."""

    OK = "ok"
    UNDEFINED = "undefined"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One feature of one region.

    Attributes
    ----------
    image : str
        Name of the measured image: ``original``, ``suvbw``, ``adc`` ...
    definition : FeatureDefinition
    value : float or None
        None unless `status` is ``ok``; never NaN.
    unit : str
        UCUM code.
    status : MeasurementStatus
    flags : frozenset of str
    reason : str
        Why there is no value; goes to the log.
    caliper : Caliper or None
        The line that a length was read off.
    """

    image: str
    definition: FeatureDefinition
    value: float | None
    unit: str
    status: MeasurementStatus = MeasurementStatus.OK
    flags: frozenset[str] = field(default_factory=frozenset)
    reason: str = ""
    caliper: Caliper | None = None

    @property
    def feature_id(self) -> str:
        """``image.family.feature[.variant]``."""
        return self.definition.feature_id(self.image)


def measured(
    image: str,
    definition: FeatureDefinition,
    value: float,
    image_unit: str,
    flags: frozenset[str] = frozenset(),
) -> Measurement:
    """Return a measurement; a value that is not finite becomes ``undefined``.

    Parameters
    ----------
    image : str
        Name of the measured image.
    definition : FeatureDefinition
    value : float
        In the unit that the definition has on `image_unit`.
    image_unit : str
        UCUM code of the image's voxels.
    flags : frozenset of str
    """
    unit = definition.unit_on(image_unit)
    if not math.isfinite(value):
        why = f"{definition.key} has no finite value"
        return undefined(image, definition, image_unit, flags, why)
    return Measurement(image, definition, float(value), unit, MeasurementStatus.OK, flags)


def undefined(
    image: str,
    definition: FeatureDefinition,
    image_unit: str,
    flags: frozenset[str],
    reason: str,
) -> Measurement:
    """Return a measurement that has no value, and why."""
    unit = definition.unit_on(image_unit)
    return Measurement(image, definition, None, unit, MeasurementStatus.UNDEFINED, flags, reason)
