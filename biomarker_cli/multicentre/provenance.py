"""What two runs were made with: versions, protocols, engines, definitions, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biomarker_cli.multicentre.measured import MeasuredTable

if TYPE_CHECKING:
    import pandas as pd

ABSENT = "-"
"""What a side says that does not have it."""


@dataclass(frozen=True)
class Divergence:
    """One thing that the two sides were not made with alike.

    Attributes
    ----------
    kind : str
        ``protocol``, ``software``, ``platform``, ``engine``, ``definition``,
        ``certificate`` or ``usable_policy``.
    name, a, b : str
        What, and what either side has.
    """

    kind: str
    name: str
    a: str
    b: str


def divergences(a: MeasuredTable, b: MeasuredTable) -> list[Divergence]:
    """Return what differs, protocols first; nothing is said of what one side did not keep."""
    found: list[Divergence] = []
    if a.manifest and b.manifest:
        one, other = a.manifest, b.manifest
        found += _differing("protocol", _protocols(one), _protocols(other))
        found += _differing("software", one["software"], other["software"])
        found += _differing("platform", one["platform"], other["platform"])
        found += _differing("certificate", _certificates(one), _certificates(other))
        found += _differing("usable_policy", _policy(one), _policy(other))
    if a.features is not None and b.features is not None:
        found += _differing("engine", _engines(a.features), _engines(b.features))
        found += _definitions(a.features, b.features)
    return found


def analysis_name(analysis_id: str) -> str:
    """Return the id of an analysis without its version."""
    return analysis_id.partition("@")[0]


def _differing(kind: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Divergence]:
    for name in sorted({*a, *b}):
        one, other = (str(side.get(name, ABSENT)) for side in (a, b))
        if one != other:
            yield Divergence(kind, name, one, other)


def _protocols(manifest: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for protocol in manifest["protocols"]:
        kind = str(protocol.get("format", "")).removeprefix("biomarker-").partition("/")[0]
        version = f"{protocol.get('version')} (sha256 {str(protocol.get('sha256'))[:12]})"
        found.setdefault(f"{kind} {protocol.get('id')}", []).append(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def _certificates(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the certificate of the installation, which `verify` writes, where there is one."""
    kept = manifest.get("certificate")
    return {"installation": str(kept)} if kept else {}


def _policy(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what weighed the flags, which rows that may be pooled follow from."""
    kept = manifest.get("usable_policy") or {}
    sha256 = str(kept.get("sha256") or "")
    return {"flags": f"{kept.get('file')} (sha256 {sha256[:12]})" if sha256 else "the product"}


def _engines(features: pd.DataFrame) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    columns = ("analysis_id", "engine", "engine_version")
    for analysis, engine, version in _different(features, columns):
        found.setdefault(analysis_name(analysis), set()).add(f"{engine} {version}")
    return {name: ", ".join(sorted(engines)) for name, engines in found.items()}


def _definitions(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[Divergence]:
    columns = ("analysis_id", "feature_id", "definition_version")
    one, other = (
        {(analysis_name(run), feature): version for run, feature, version in _different(f, columns)}
        for f in (a, b)
    )
    for key in sorted(one.keys() & other.keys()):
        if one[key] != other[key]:
            yield Divergence("definition", " ".join(key), one[key], other[key])


def _different(features: pd.DataFrame, columns: Iterable[str]) -> Iterator[tuple[str, ...]]:
    kept = features[list(columns)].drop_duplicates()
    yield from (tuple(map(str, row)) for row in kept.itertuples(index=False))
