"""Shells: the volumes of one nominal b-value, and the choice of a b-set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from biomarker_cli.dicom.b_dialects import BValue
from biomarker_cli.dicom.nominal_b import b_clusters, same_b
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import DwiKind
from biomarker_cli.diffusion.rules import AllShells, BList, BRange, BSetRule, LowAndHigh
from biomarker_cli.diffusion.volumes import DwiVolume


@dataclass(frozen=True, slots=True)
class Shell:
    """Volumes with one nominal b-value.

    Attributes
    ----------
    nominal : float
        s/mm2; selects and is what protocols judge.
    actual : float
        s/mm2; mean of the applied values, what is fitted.
    groups : tuple of tuple of DwiVolume
        One group per direction; the volumes of a group are repeats.
    """

    nominal: float
    actual: float
    groups: tuple[tuple[DwiVolume, ...], ...]

    @property
    def volumes(self) -> tuple[DwiVolume, ...]:
        """All volumes, direction by direction."""
        return tuple(volume for group in self.groups for volume in group)

    @property
    def kind(self) -> DwiKind:
        """Kind of the volumes; a shell never mixes trace and directions."""
        return self.groups[0][0].kind

    def b(self, which: str) -> float:
        """Return the b-value to fit: ``actual`` or ``nominal``."""
        return self.actual if which == "actual" else self.nominal


def make_shells(volumes: Sequence[DwiVolume]) -> tuple[Shell, ...]:
    """Cluster volumes by b-value (`biomarker_cli.dicom.nominal_b`), in rising order."""
    values = [_b(volume) for volume in volumes]
    shells = []
    for cluster in b_clusters(values):
        members = [volumes[place] for place in cluster.members]
        shells.append(Shell(cluster.nominal, _mean_b(members), _direction_groups(members)))
    return tuple(shells)


APPLIED_ABSOLUTE = 0.5
APPLIED_RELATIVE = 0.02
"""Applied b-values closer than the larger of 0.5 s/mm2 and 2 % are one."""


def split_by_applied_b(shells: Sequence[Shell]) -> tuple[Shell, ...]:
    """Return shells of one applied b-value each, by rising applied b.

    Nominal shells are 5 s/mm2 wide, and IVIM lives below: b = 0, 1 and 2 are
    three samples of the perfusion. A shell whose parts have other directions
    stays whole: apart they would differ by direction as well.
    """
    parts = [part for shell in shells for part in _parts(shell)]
    return tuple(sorted(parts, key=lambda part: part.actual))


def _parts(shell: Shell) -> list[Shell]:
    clusters: list[list[DwiVolume]] = []
    for volume in sorted(shell.volumes, key=lambda volume: _b(volume).value):
        value = _b(volume).value
        lowest = _b(clusters[-1][0]).value if clusters else value
        if clusters and value - lowest < max(APPLIED_ABSOLUTE, APPLIED_RELATIVE * lowest):
            clusters[-1].append(volume)
        else:
            clusters.append([volume])
    schemes = {_scheme(members) for members in clusters if _mean_b(members) >= APPLIED_ABSOLUTE}
    if len(clusters) == 1 or len(schemes) > 1:
        return [shell]
    return [
        Shell(shell.nominal, _mean_b(members), _direction_groups(members)) for members in clusters
    ]


def _mean_b(members: Sequence[DwiVolume]) -> float:
    return sum(_b(volume).value for volume in members) / len(members)


def _scheme(members: Sequence[DwiVolume]) -> frozenset[object]:
    return frozenset(_group_key(volume, 0) for volume in members)


def _b(volume: DwiVolume) -> BValue:
    if volume.b_value is None:
        raise ValueError(f"volume {volume.volume_id} has no b-value")
    return volume.b_value


def _direction_groups(members: list[DwiVolume]) -> tuple[tuple[DwiVolume, ...], ...]:
    groups: dict[object, list[DwiVolume]] = defaultdict(list)
    for index, volume in enumerate(members):
        groups[_group_key(volume, index)].append(volume)
    return tuple(tuple(group) for group in groups.values())


def _group_key(volume: DwiVolume, index: int) -> object:
    if volume.kind is DwiKind.UNDIRECTED:
        return index
    if volume.direction is None:
        return None
    # Opposite directions weight alike.
    rounded = tuple(round(v, 4) + 0.0 for v in volume.direction)
    return max(rounded, tuple(-v + 0.0 for v in rounded))


def select_shells(shells: Sequence[Shell], rule: BSetRule) -> tuple[Shell, ...]:
    """Return the shells that a b-set rule takes.

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where the series does not have what the rule asks for.
    """
    chosen, wanted = _choose(shells, rule)
    if len(chosen) < 2 or (isinstance(rule, BList) and len(chosen) != len(set(rule.values))):
        found = ", ".join(f"{shell.nominal:g}" for shell in shells)
        raise AdcError(
            "ADC-B-SET",
            f"expected {wanted}, found b = {found} s/mm2",
            hint="Choose an analysis whose b-set this series has (dwi-adc-all fits every b).",
        )
    return chosen


def _choose(shells: Sequence[Shell], rule: BSetRule) -> tuple[tuple[Shell, ...], str]:
    match rule:
        case AllShells():
            return tuple(shells), "two b-values or more"
        case LowAndHigh():
            return _low_and_high(shells, rule)
        case BRange():
            top = float("inf") if rule.max is None else rule.max
            limits = f"from {rule.min:g}" + ("" if rule.max is None else f" to {rule.max:g}")
            chosen = tuple(s for s in shells if rule.min <= s.nominal <= top)
            return chosen, f"two b-values or more {limits} s/mm2"
        case BList():
            listed = ", ".join(f"{value:g}" for value in rule.values)
            found = (
                next((s for s in shells if same_b(s.nominal, b)), None)
                for b in dict.fromkeys(rule.values)
            )
            return tuple(s for s in found if s is not None), f"b = {listed} s/mm2"
        case _:
            assert_never(rule)


def _low_and_high(shells: Sequence[Shell], rule: LowAndHigh) -> tuple[tuple[Shell, ...], str]:
    low = [s for s in shells if s.nominal <= rule.low_max][:1]
    high = [s for s in shells if rule.low_max < s.nominal <= rule.high_max]
    wanted = f"one b from 0 to {rule.low_max:g} and one or more up to {rule.high_max:g} s/mm2"
    return (tuple(low + high) if low and high else ()), wanted
