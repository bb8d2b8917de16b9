"""The ADC map of a diffusion set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from biomarker_cli.diffusion.direction_mean import ShellSignals, shell_signals
from biomarker_cli.diffusion.direction_scheme import is_lopsided
from biomarker_cli.diffusion.dwi_set import DwiSet
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.fitting import fit_volume
from biomarker_cli.diffusion.rules import AdcRules, FittedMap
from biomarker_cli.diffusion.shells import Shell, select_shells
from biomarker_cli.diffusion.signal_models import MonoExponential, SignalModel
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.features import FeatureDefinition
from biomarker_cli.model.quantity import ADC, Quantity


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
class AdcDerivation:
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
class Doubt:
    """Voxels where a model does not hold.

    Attributes
    ----------
    flag : str
        What rows carry where there are too many.
    definition : FeatureDefinition
        Of their share among the fitted voxels.
    voxels : ndarray of bool, shape (z, y, x)
    flag_above : float
        Largest share without the flag.
    """

    flag: str
    definition: FeatureDefinition
    voxels: BoolArray
    flag_above: float


@dataclass(frozen=True)
class AdcResult(QuantityMap):
    """A map of a diffusion parameter, NaN where there is no fit; its derivation a `AdcDerivation`.

    Attributes
    ----------
    signals : ShellSignals or None
        What was fitted; None for maps that were not fitted here.
    model : SignalModel or None
        What the fit predicts of `signals`.
    shells : tuple of Shell
        The b-values that were fitted.
    doubts : tuple of Doubt
        Where the model does not hold.
    vendor : ndarray, shape (z, y, x), or None
        The scanner's own map in mm2/s, where it is compared.
    vendor_flags : frozenset of str
        What rows of that comparison carry.
    """

    signals: ShellSignals | None = None
    model: SignalModel | None = None
    shells: tuple[Shell, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    vendor: FloatArray | None = None
    vendor_flags: frozenset[str] = frozenset()


def adc_maps(
    dwi: DwiSet,
    rules: AdcRules,
    wanted: Sequence[FittedMap] | None = None,
    signals: ShellSignals | None = None,
) -> tuple[AdcResult, ...]:
    """Compute every map of the rules from one reading of the images.

    Parameters
    ----------
    dwi : DwiSet
    rules : AdcRules
    wanted : sequence of FittedMap, optional
        Only these maps.
    signals : ShellSignals, optional
        Of every shell of the set, where they were read before.

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where the series lacks the b-values of a map.
    """
    maps = rules.maps if wanted is None else tuple(wanted)
    chosen = [select_shells(dwi.shells, one.b_set) for one in maps]
    for shells in chosen:
        _require_different(shells, rules)
    held = dwi.shells
    if signals is None:
        held = tuple(s for s in dwi.shells if any(s in shells for shells in chosen))
        signals = shell_signals(held, rules.b_value, rules.direction_mean)
    return tuple(
        _fitted_map(dwi, rules, one, shells, signals.rows([held.index(s) for s in shells]))
        for one, shells in zip(maps, chosen, strict=True)
    )


def _fitted_map(
    dwi: DwiSet, rules: AdcRules, one: FittedMap, shells: tuple[Shell, ...], signals: ShellSignals
) -> AdcResult:
    adc, log_s0 = fit_volume(signals.log_signal, signals.b, one.estimator)
    derivation = fit_derivation(dwi, shells, rules, one.estimator)
    model = MonoExponential(adc, log_s0)
    volume = parameter_volume(dwi, shells, adc, ADC)
    return AdcResult(volume, one.image, derivation, signals, model, shells)


def parameter_volume(
    dwi: DwiSet, fitted: Sequence[Shell], array: FloatArray, quantity: Quantity
) -> Volume:
    """Return a map in the place of a diffusion set, with the header of its lowest b.

    Parameters
    ----------
    dwi : DwiSet
    fitted : sequence of Shell
        Their directions are judged.
    array : ndarray, shape (z, y, x)
    quantity : Quantity
    """
    first = dwi.shells[0].volumes[0]
    doubt = {"directions_unbalanced"} if any(map(is_lopsided, fitted)) else set[str]()
    return Volume(array, dwi.geometry, quantity, dwi.frames, first.volume_id, dwi.flags | doubt)


def _require_different(shells: Sequence[Shell], rules: AdcRules) -> None:
    b = [shell.b(rules.b_value) for shell in shells]
    if len(set(b)) < len(b):
        raise AdcError(
            "ADC-B-SET",
            f"two b-values of the set are equal: {', '.join(f'{v:g}' for v in b)} s/mm2",
        )


def fit_derivation(
    dwi: DwiSet, shells: Sequence[Shell], rules: AdcRules, estimator: str
) -> dict[str, Any]:
    """Return how a fitted map came about, as plain values."""
    outside = [shell for shell in dwi.shells if shell not in shells]
    left_out = [(v.volume_id, reason) for v, reason in dwi.left_out]
    left_out += [
        (v.volume_id, f"b = {shell.nominal:g} is outside the b-set")
        for shell in outside
        for v in shell.volumes
    ]
    return AdcDerivation(
        source="fitted",
        estimator=estimator,
        direction_mean=rules.direction_mean,
        b_value=rules.b_value,
        shells=tuple(_fitted(shell) for shell in shells),
        left_out=tuple(left_out),
    ).as_dict()


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
