"""What a volume of a diffusion series is: decided once, from what the header says."""

from __future__ import annotations

from enum import StrEnum

from biomarker_cli.catalogue.kinds import image_kind
from biomarker_cli.dicom.bvalues import BValue
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import Directionality, Gradient
from biomarker_cli.dicom.mr_images import image_type, is_other_component
from biomarker_cli.dicom.private_values import first_number

UNWEIGHTED_BELOW = 5.0
"""b below this (s/mm2) counts as b = 0: Philips codes repeats of b = 0 as 0.001, 0.002 ..."""

GE_FA_FLAG = 18.0
"""(0043,xx30) of a fractional anisotropy map."""


class DwiKind(StrEnum):
    """Kinds of volume that a diffusion examination holds."""

    B0 = "b0"
    DIRECTIONAL = "directional"
    TRACE = "trace"
    UNDIRECTED = "undirected"
    UNTAGGED = "untagged"
    ADC_MAP = "adc_map"
    FA_MAP = "fa_map"
    COMPUTED = "computed"
    DERIVED = "derived"
    NOT_MAGNITUDE = "not_magnitude"

    @property
    def is_signal(self) -> bool:
        """Whether a model of the signal may be fitted to it."""
        return self in _SIGNAL


_SIGNAL = frozenset(
    {DwiKind.B0, DwiKind.DIRECTIONAL, DwiKind.TRACE, DwiKind.UNDIRECTED, DwiKind.UNTAGGED}
)

_COMPUTED_WORDS = ("CALC_BVALUE", "COMPUTED_BVALUE", "SYNTHETIC", "CDWI")


def volume_kind(header: FrameHeader, b_value: BValue | None, gradient: Gradient) -> DwiKind:
    """Return the kind of a volume from its first frame.

    A computed high-b image is never fitted: its noise is that of a model.
    """
    words = image_type(header)
    mapped = _map_kind(header, words)
    if mapped is not None:
        return mapped
    if is_other_component(header):
        return DwiKind.NOT_MAGNITUDE
    if b_value is None:
        return DwiKind.DERIVED if words[:1] == ("DERIVED",) else DwiKind.UNTAGGED
    return _weighted_kind(words, b_value, gradient)


def _map_kind(header: FrameHeader, words: tuple[str, ...]) -> DwiKind | None:
    if any(word in words for word in _COMPUTED_WORDS):
        return DwiKind.COMPUTED
    kind = image_kind(words)
    if kind == "adc_map":
        return DwiKind.DERIVED if "EADC" in words else DwiKind.ADC_MAP
    flag = header.private(0x0043, "GEMS_PARM_01", 0x30)
    if kind == "fa_map" or (flag is not None and first_number(flag) == GE_FA_FLAG):
        return DwiKind.FA_MAP
    if header.get("DiffusionAnisotropyType") is not None:
        return DwiKind.FA_MAP
    return None


def _weighted_kind(words: tuple[str, ...], b_value: BValue, gradient: Gradient) -> DwiKind:
    derived = words[:1] == ("DERIVED",)
    traced = image_kind(words) == "trace" or gradient.directionality is Directionality.ISOTROPIC
    unweighted = abs(b_value.value) < UNWEIGHTED_BELOW or b_value.nominal == 0.0
    if derived and not (traced or "TENSOR_B0" in words):
        return DwiKind.DERIVED
    if unweighted:
        return DwiKind.B0
    if traced:
        return DwiKind.TRACE
    return DwiKind.DIRECTIONAL if gradient.direction is not None else DwiKind.UNDIRECTED
