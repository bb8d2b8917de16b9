"""Assemble volumes of one or several series into a diffusion set, or refuse by name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.dicom.bvalues import GE_GRADIENT_LENGTH, LARGEST_B, BValue
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import Frames
from biomarker_cli.dicom.nominal_b import nominal_of
from biomarker_cli.diffusion.alike import require_alike
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import DwiKind
from biomarker_cli.diffusion.shells import Shell, make_shells
from biomarker_cli.diffusion.volumes import B0_UNTAGGED, DwiVolume, describe_volumes
from biomarker_cli.imaging.geometry import Geometry


@dataclass(frozen=True)
class DwiSet:
    """Volumes of one place, one contrast and several b-values.

    Attributes
    ----------
    shells : tuple of Shell
        In rising order of nominal b; two or more.
    geometry : Geometry
    left_out : tuple of (DwiVolume, str)
        Volumes that are not fitted, with the reason.
    flags : frozenset of str
        What every row measured on this set carries.
    """

    shells: tuple[Shell, ...]
    geometry: Geometry
    left_out: tuple[tuple[DwiVolume, str], ...] = ()
    flags: frozenset[str] = frozenset()

    @property
    def volumes(self) -> tuple[DwiVolume, ...]:
        """Volumes of all shells."""
        return tuple(volume for shell in self.shells for volume in shell.volumes)

    @cached_property
    def frames(self) -> Frames:
        """Header records of the first volume of the lowest b."""
        return self.shells[0].volumes[0].headers()


def assemble(candidates: Sequence[VolumeCandidate], files: DicomFiles | None = None) -> DwiSet:
    """Build a diffusion set from what the user named.

    Headers decide; pixels are read when a map is computed. Vendor maps, trace
    images beside directions and computed images are left out where signal
    images are there, and recorded.

    Parameters
    ----------
    candidates : sequence of VolumeCandidate
        Volumes of one or several series of one patient.
    files : DicomFiles, optional
        Those of the case, which are read once.

    Raises
    ------
    AdcError
        ``ADC-NO-B-VALUES``, ``ADC-MISSING-B``, ``ADC-B-INVALID``,
        ``ADC-B-CONFLICT``, ``ADC-SINGLE-B``, ``ADC-FA-MAP``, ``ADC-VENDOR-MAP``, ``ADC-DERIVED``,
        ``ADC-TRACE-AMBIGUOUS``, ``ADC-MIXED-*``.
    SeriesError
        With the catalogue's code where a signal volume was refused.
    """
    volumes = describe_volumes(candidates, files)
    signal, left_out = _keep_signal(volumes)
    _require_b_values(signal)
    signal, traces = _keep_one_weighting(signal)
    left_out += traces
    _require_regular(signal)
    require_alike(signal)
    shells = make_shells(signal)
    if len(shells) < 2:
        raise AdcError(
            "ADC-SINGLE-B",
            f"expected two b-values or more, found b = {shells[0].nominal:g} s/mm2 alone",
            where=signal[0].series_uid,
            hint="Name the series of the other b-values as well (--image can be repeated).",
        )
    geometry = signal[0].candidate.geometry
    if geometry is None:
        raise ValueError("a regular volume has a geometry")
    return DwiSet(shells, geometry, tuple(left_out), _flags(signal, left_out))


_REFUSALS = {
    DwiKind.ADC_MAP: (
        "ADC-VENDOR-MAP",
        "an ADC map of the scanner, not a diffusion-weighted series",
        "Name the series with the b-values.",
    ),
    DwiKind.FA_MAP: (
        "ADC-FA-MAP",
        "a fractional anisotropy map, not a diffusion-weighted series",
        "Name the series with the b-values.",
    ),
    DwiKind.NOT_MAGNITUDE: (
        "ADC-NOT-MAGNITUDE",
        "phase, real or imaginary images, not magnitude",
        "Name the magnitude series.",
    ),
    DwiKind.COMPUTED: (
        "ADC-DERIVED",
        "computed (synthetic) diffusion images, whose noise is that of a model",
        "Name the acquired series.",
    ),
    DwiKind.DERIVED: (
        "ADC-DERIVED",
        "derived images that are no acquired signal",
        "Name the acquired series.",
    ),
}


Partition = tuple[list[DwiVolume], list[tuple[DwiVolume, str]]]
"""Volumes that are kept, and those left out with the reason."""


def _keep_signal(volumes: list[DwiVolume]) -> Partition:
    signal = [v for v in volumes if v.kind.is_signal]
    others = [v for v in volumes if not v.kind.is_signal]
    if not signal and others:
        # The most telling of what is there names the refusal.
        kind = next(k for k in _REFUSALS if any(v.kind is k for v in others))
        if kind is DwiKind.DERIVED and not any(v.b_value for v in others):
            raise _no_b_values(others[0].series_uid)
        code, found, hint = _REFUSALS[kind]
        raise AdcError(
            code,
            f"expected diffusion-weighted images, found {found}",
            where=others[0].series_uid,
            hint=hint,
        )
    if not signal:
        raise _no_b_values("")
    acquired = [v for v in signal if v.candidate.kind != "derived"]
    if any(v.kind is DwiKind.B0 for v in acquired):
        # A derived b = 0 (TENSOR_B0) only stands in where no acquired one is there.
        replaced = [v for v in signal if v.candidate.kind == "derived"]
        signal, others = acquired, others + replaced
    return signal, [(v, f"{v.kind.value} image") for v in others]


def _no_b_values(where: str, hint: str = "") -> AdcError:
    return AdcError(
        "ADC-NO-B-VALUES",
        "no image has a b-value, neither (0018,9087) nor a known private element",
        where=where,
        hint=hint or "Name a diffusion-weighted series, exported with its private elements.",
    )


def _require_b_values(signal: list[DwiVolume]) -> None:
    missing = [v for v in signal if v.b_value is None]
    if len(missing) == len(signal):
        raise _no_b_values(signal[0].series_uid, signal[0].hint)
    if missing:
        raise AdcError(
            "ADC-MISSING-B",
            f"{len(missing)} of {len(signal)} volumes have no b-value, and their series holds "
            "no other one, or they have a direction and are not b = 0",
            where=missing[0].volume_id,
            hint=missing[0].hint or "Leave series out that are not diffusion-weighted (--series).",
        )
    for volume in signal:
        if volume.b_value is not None:
            _require_usable(volume.b_value, volume.volume_id)


def _require_usable(b_value: BValue, where: str) -> None:
    if not b_value.is_number:
        found = repr(b_value.written) if b_value.written else f"{b_value.value:g}"
        raise AdcError(
            "ADC-B-INVALID",
            f"expected a b-value from 0 to {LARGEST_B:g} s/mm2, found {found} in {b_value.tag}",
            where=where,
        )
    if b_value.conflict:
        raise AdcError(
            "ADC-B-CONFLICT",
            f"expected elements that agree on the b-value, found: {b_value.conflict}",
            where=where,
            hint="Neither is preferred: correct the header at its source, or leave the volume out.",
        )


def _keep_one_weighting(signal: list[DwiVolume]) -> Partition:
    """Leave trace-weighted images out where the directions that they are made of are there.

    Beside directions a vector of length 0 says the same as a mark as trace-weighted image.
    """
    directed = [v for v in signal if v.kind is DwiKind.DIRECTIONAL]
    if directed:
        signal = [replace(v, kind=DwiKind.TRACE) if v.zero_direction else v for v in signal]
    undirected = [v for v in signal if v.kind is DwiKind.UNDIRECTED]
    traces = [v for v in signal if v.kind is DwiKind.TRACE]
    single = {_nearest(v) for v in undirected}
    lone_traces = bool(undirected) and any(_nearest(v) not in single for v in traces)
    if undirected and (directed or lone_traces):
        raise AdcError(
            "ADC-TRACE-AMBIGUOUS",
            f"with b > 0 {len(directed)} volumes have a direction, {len(traces)} are "
            f"trace-weighted, and {len(undirected)} are marked as neither",
            where=undirected[0].volume_id,
            hint="Name the series or volumes to use (--series).",
        )
    if not traces or not (directed or undirected):
        return signal, []
    # The b = 0 of a trace series is made from the acquired one, no repeat of it.
    acquired_b0 = any(v.kind is DwiKind.B0 and v.candidate.kind != "trace" for v in signal)
    left_out = [
        v
        for v in signal
        if v.kind is DwiKind.TRACE
        or (acquired_b0 and v.kind is DwiKind.B0 and v.candidate.kind == "trace")
    ]
    kept = [v for v in signal if v not in left_out]
    return kept, [(v, "trace image beside directions") for v in left_out]


def _nearest(volume: DwiVolume) -> float:
    return nominal_of([volume.b_value.value]) if volume.b_value else math.nan


def _require_regular(signal: list[DwiVolume]) -> None:
    for volume in signal:
        if volume.is_refused:
            candidate = volume.candidate
            raise SeriesError(
                candidate.error_code, candidate.error_message, where=candidate.volume_id
            )


def _flags(signal: list[DwiVolume], left_out: list[tuple[DwiVolume, str]]) -> frozenset[str]:
    flags = {flag for v in signal for flag in v.candidate.flags}
    if any(v.b_value is B0_UNTAGGED for v in signal):
        flags.add("b0_untagged")
    if any(v.b_value is not None and v.b_value.rule == GE_GRADIENT_LENGTH for v in signal):
        flags.add("b_from_gradient_length")
    if any(v.kind is DwiKind.TRACE for v, _ in left_out):
        flags.add("trace_left_out")
    if any(v.kind is DwiKind.TRACE for v in signal):
        flags.add("trace_images")
    if any(v.candidate.kind == "derived" for v in signal):
        flags.add("derived_b0")
    undirected = Counter(
        v.b_value.value for v in signal if v.kind is DwiKind.UNDIRECTED and v.b_value
    )
    if any(count > 1 for count in undirected.values()):
        flags.add("direction_unknown")
    return frozenset(flags)
