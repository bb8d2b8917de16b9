"""The ADC map of a diffusion set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from biomarker_cli.catalogue import read_frames
from biomarker_cli.diffusion.direction_mean import FloatArray, ShellSignals, shell_signals
from biomarker_cli.diffusion.dwi_set import DwiSet
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.fitting import fit_volume
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.shells import Shell, select
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC


@dataclass(frozen=True, slots=True)
class FittedShell:
    """One b-value of a fit, and where it came from."""

    nominal: float
    actual: float
    n_volumes: int
    n_directions: int
    kind: str
    tags: tuple[str, ...]
    dialects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a map came about: what the manifest and the report print.

    Attributes
    ----------
    source : str
        ``fitted``, ``declared`` or ``vendor``.
    estimator, direction_mean, b_value : str
        Rules of the fit; empty for maps that were not fitted here.
    shells : tuple of FittedShell
    left_out : tuple of (str, str)
        Volume id and reason.
    unit_from : str
        How the unit of a map is known that was not fitted here.
    """

    source: str
    estimator: str = ""
    direction_mean: str = ""
    b_value: str = ""
    shells: tuple[FittedShell, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    unit_from: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class AdcResult:
    """A diffusion coefficient map and how it came about.

    Attributes
    ----------
    volume : Volume
        mm2/s; NaN where there is no fit.
    image : str
        First word of the feature ids.
    derivation : dict
        `Derivation` as plain values, for the manifest.
    signals : ShellSignals or None
        What was fitted; None for maps that were not fitted here.
    log_s0 : ndarray, shape (z, y, x), or None
        ln of the fitted signal at b = 0.
    """

    volume: Volume
    image: str
    derivation: dict[str, Any]
    signals: ShellSignals | None = None
    log_s0: FloatArray | None = None


def adc_map(dwi: DwiSet, rules: AdcRules) -> AdcResult:
    """Compute the ADC of every voxel.

    Parameters
    ----------
    dwi : DwiSet
    rules : AdcRules

    Returns
    -------
    AdcResult

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where the series lacks the b-values of the rules.
    """
    shells = select(dwi.shells, rules.b_set)
    _require_estimator_fits(shells, rules)
    signals = shell_signals(shells, rules.b_value, rules.direction_mean)
    adc, log_s0 = fit_volume(signals.log_signal, signals.b, rules.estimator)
    first = shells[0].volumes[0].candidate
    volume = Volume(adc, dwi.geometry, ADC, read_frames(first), first.volume_id, dwi.flags)
    return AdcResult(
        volume, rules.image, _derivation(dwi, shells, rules).as_dict(), signals, log_s0
    )


def _require_estimator_fits(shells: Sequence[Shell], rules: AdcRules) -> None:
    b = [shell.b(rules.b_value) for shell in shells]
    if len(set(b)) < len(b):
        raise AdcError(
            "ADC-B-SET",
            f"two b-values of the set are equal: {', '.join(f'{v:g}' for v in b)} s/mm2",
        )


def _derivation(dwi: DwiSet, shells: Sequence[Shell], rules: AdcRules) -> Derivation:
    outside = [shell for shell in dwi.shells if shell not in shells]
    left_out = [(v.volume_id, reason) for v, reason in dwi.left_out]
    left_out += [
        (v.volume_id, f"b = {shell.nominal:g} is outside the b-set")
        for shell in outside
        for v in shell.volumes
    ]
    return Derivation(
        source="fitted",
        estimator=rules.estimator,
        direction_mean=rules.direction_mean,
        b_value=rules.b_value,
        shells=tuple(_fitted(shell) for shell in shells),
        left_out=tuple(left_out),
    )


def _fitted(shell: Shell) -> FittedShell:
    read = [v.b_value for v in shell.volumes if v.b_value is not None]
    return FittedShell(
        nominal=shell.nominal,
        actual=shell.actual,
        n_volumes=len(shell.volumes),
        n_directions=len(shell.groups),
        kind=shell.kind.value,
        tags=tuple(sorted({b.tag for b in read if b.tag})),
        dialects=tuple(sorted({b.rule for b in read})),
    )
