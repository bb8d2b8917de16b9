"""What the parts of a pool differ in, and what becomes of each difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biomarker_cli.multicentre.errors import PoolError
from biomarker_cli.multicentre.pooling.parts import PoolPart
from biomarker_cli.multicentre.pooling.rules import LEAVE_OUT, REFUSE, PoolRules
from biomarker_cli.multicentre.pooling.scanning import PartScan

ABSENT = "none"

_MOST_NAMED = 20
"""Differences that a refusal names; of one cause there may be one for each feature."""

_DIGEST_SHOWN = 12


@dataclass(frozen=True)
class PartDifference:
    """One thing that parts do not have alike.

    Attributes
    ----------
    kind : str
        Of `rules.ANSWERS`.
    name : tuple of str
        What: an analysis; analysis and feature; role, analysis and feature; a protocol.
    values : mapping of int to str
        What each part has, by its place.
    """

    kind: str
    name: tuple[str, ...]
    values: Mapping[int, str]

    def told(self, parts: Sequence[PoolPart]) -> str:
        """Return it for people: each value with the parts that have it."""
        found: dict[str, list[str]] = {}
        for place, value in sorted(self.values.items()):
            found.setdefault(value or ABSENT, []).append(parts[place].name)
        said = "; ".join(f"{value} in {', '.join(names)}" for value, names in found.items())
        return f"{' '.join((self.kind, *self.name))}: {said}"

    def as_json(self, parts: Sequence[PoolPart], answer: str) -> dict[str, Any]:
        """Return it as the manifest of the pool holds it: parts by their digests."""
        found: dict[str, list[str]] = {}
        for place, value in self.values.items():
            found.setdefault(value, []).append(parts[place].sha256)
        return {
            "kind": self.kind,
            "name": " ".join(self.name),
            "answer": answer,
            "found": {value: sorted(of) for value, of in sorted(found.items())},
        }


@dataclass
class LeftOut:
    """Rows of one part that are not as those of the reference.

    Attributes
    ----------
    analyses : dict
        Analysis -> reason and detail.
    features : dict
        Analysis and feature -> reason and detail.
    units : dict
        Role, analysis and feature -> reason and detail.
    """

    analyses: dict[str, tuple[str, str]] = field(default_factory=dict)
    features: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    units: dict[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.analyses or self.features or self.units)

    def why(self, role: str, analysis: str, feature: str) -> tuple[str, str] | None:
        """Return reason and detail of a row that is left out."""
        return (
            self.analyses.get(analysis)
            or self.features.get((analysis, feature))
            or self.units.get((role, analysis, feature))
        )


def find_differences(parts: Sequence[PoolPart], scans: Sequence[PartScan]) -> list[PartDifference]:
    """Return everything that the parts do not have alike, by kind and name."""
    tellers = (
        ("analysis", _analyses),
        ("version", _versions),
        ("definition", _definitions),
        ("engine", _engines),
        ("acquisition", _acquisitions),
        ("study_key", _keys),
        ("usable_policy", _policies),
        ("software", _software),
        ("certificate", _certificates),
    )
    found: list[PartDifference] = []
    for kind, tell in tellers:
        found += _differing(kind, [dict(tell(part)) for part in parts])
    found += _differing("unit", [dict(_units(scan)) for scan in scans])
    return found


def _differing(
    kind: str, told: Sequence[Mapping[tuple[str, ...], str]]
) -> Iterator[PartDifference]:
    by_name: dict[tuple[str, ...], dict[int, str]] = {}
    for place, of_part in enumerate(told):
        for name, value in of_part.items():
            by_name.setdefault(name, {})[place] = value
    for name, values in sorted(by_name.items()):
        if len(set(values.values())) > 1 or (kind == "unit" and ";" in "".join(values.values())):
            yield PartDifference(kind, name, values)


_Told = Iterator[tuple[tuple[str, ...], str]]


def _of_features(part: PoolPart, name: Sequence[str], columns: Sequence[str]) -> _Told:
    found: dict[tuple[str, ...], set[str]] = {}
    for row in part.features:
        value = " ".join(row[column] for column in columns)
        found.setdefault(tuple(row[column] for column in name), set()).add(value)
    for key, values in found.items():
        yield key, ", ".join(sorted(values))


def _analyses(part: PoolPart) -> _Told:
    return _of_features(part, ("analysis_id",), ("analysis_sha256",))


def _versions(part: PoolPart) -> _Told:
    found: dict[str, set[str]] = {}
    for row in part.features:
        name, _, version = row["analysis_id"].partition("@")
        found.setdefault(name, set()).add(version)
    for name, versions in found.items():
        yield (name,), ", ".join(sorted(versions))


def _definitions(part: PoolPart) -> _Told:
    return _of_features(part, ("analysis_id", "feature_id"), ("definition_version",))


def _engines(part: PoolPart) -> _Told:
    return _of_features(part, ("analysis_id",), ("engine", "engine_version"))


def _units(scan: PartScan) -> _Told:
    for role, units in scan.units.items():
        for analysis, feature in units:
            found = scan.units_of(role, analysis, feature)
            if found:
                yield (role, analysis, feature), ";".join(found)


def _acquisitions(part: PoolPart) -> _Told:
    found: dict[str, list[str]] = {}
    for protocol in part.manifest["protocols"]:
        if str(protocol.get("format", "")).startswith("biomarker-acquisition/"):
            digest = str(protocol.get("sha256"))[:_DIGEST_SHOWN]
            said = f"{protocol.get('version')} (sha256 {digest})"
            found.setdefault(str(protocol.get("id")), []).append(said)
    for name, versions in found.items():
        yield (name,), ", ".join(sorted(versions))


def _keys(part: PoolPart) -> _Told:
    yield (), str(part.manifest.get("key_fingerprint") or "")


def _policies(part: PoolPart) -> _Told:
    policy = part.manifest.get("usable_policy")
    yield (), str(policy.get("sha256") or "") if isinstance(policy, dict) else ""


def _software(part: PoolPart) -> _Told:
    for of in ("software", "platform"):
        for name, version in part.manifest[of].items():
            yield (str(name),), str(version)


def _certificates(part: PoolPart) -> _Told:
    yield (), "certified" if part.manifest.get("certificate") else ""


def require_alike(
    differences: Iterable[PartDifference], parts: Sequence[PoolPart], rules: PoolRules
) -> None:
    """Refuse parts that differ in what the rules refuse; all of it is named.

    Raises
    ------
    PoolError
        ``POOL-UNLIKE``; ``POOL-NO-CERTIFICATE``.
    """
    found = [one for one in differences if rules.answer(one.kind) == REFUSE]
    if rules.answer("certificate") == REFUSE:
        without = [part.name for part in parts if not part.manifest.get("certificate")]
        if without:
            raise PoolError(
                "POOL-NO-CERTIFICATE",
                f"the installation was not qualified: {', '.join(without)}",
                hint="`biomarker verify --certificate FILE` qualifies it; then run again.",
            )
    if not found:
        return
    told = [one.told(parts) for one in found[:_MOST_NAMED]]
    kinds = ", ".join(dict.fromkeys(one.kind for one in found))
    raise PoolError(
        "POOL-UNLIKE",
        f"the parts differ in {kinds} ({len(found)}): {' | '.join(told)}",
        hint="Measure all with the same, or say with --on what becomes of it (--help).",
    )


_REASONS = {
    "analysis": "other_analysis",
    "version": "other_analysis",
    "definition": "other_definition",
    "engine": "other_engine",
    "unit": "other_unit",
}


def leave_out(
    differences: Iterable[PartDifference],
    parts: Sequence[PoolPart],
    rules: PoolRules,
    reference: int,
) -> list[LeftOut]:
    """Return which rows of each part are left out, as they are not like the reference.

    Parameters
    ----------
    differences : iterable of PartDifference
    parts : sequence of PoolPart
    rules : PoolRules
    reference : int
        Place of the part that holds; -1 for none.

    Raises
    ------
    PoolError
        ``POOL-UNLIKE`` where the reference has nothing of what others have unlike.
    """
    found = [LeftOut() for _ in parts]
    for one in differences:
        if rules.answer(one.kind) != LEAVE_OUT:
            continue
        if reference not in one.values or ";" in one.values[reference]:
            raise PoolError(
                "POOL-UNLIKE",
                f"the part named by --like has no such thing, or two: {one.told(parts)}",
                hint="Name another part, or measure all with the same.",
            )
        holds = one.values[reference]
        for place, value in one.values.items():
            if value != holds:
                _add(found[place], one, value, parts[place], parts[reference])
    return found


def _add(left: LeftOut, one: PartDifference, value: str, part: PoolPart, like: PoolPart) -> None:
    why = (_REASONS[one.kind], value)
    if one.kind in {"analysis", "engine"}:
        left.analyses.setdefault(one.name[0], why)
    elif one.kind == "version":
        held = {row["analysis_id"] for row in like.features}
        for analysis in {row["analysis_id"] for row in part.features} - held:
            if analysis.partition("@")[0] == one.name[0]:
                left.analyses.setdefault(analysis, (why[0], analysis))
    elif one.kind == "definition":
        left.features.setdefault((one.name[0], one.name[1]), why)
    else:
        left.units.setdefault((one.name[0], one.name[1], one.name[2]), why)
