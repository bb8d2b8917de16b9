"""Published limits of change, shipped as a versioned file that names sources and conditions.

``protocols/repeatability/published/<version>.yaml``; `change --published ENTRY` takes an
entry where no test-retest values of the trial itself are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.noise_limits import LOG, PERCENT, NoiseLimits, log_limits
from biomarker_cli.protocol.document import Source, Strict, VersionedHeader
from biomarker_cli.protocol.loading import load_model
from biomarker_cli.protocol.locator import closest, protocol_root
from biomarker_cli.protocol.versions import Version

FORMAT = "biomarker-published-repeatability/1"
FOLDER = "repeatability/published"


class PublishedEntry(Strict):
    """Limits of some features under some conditions; one of three ways to say them.

    Attributes
    ----------
    features : tuple of str
        Shell patterns of feature ids.
    unit : str
        UCUM code that the values must have.
    percent : float or None
        A change beyond plus or minus this is more than noise.
    low_percent, high_percent : float or None
        The same, unlike for a fall and a rise.
    wcv_percent : float or None
        Within-subject coefficient of variation; the limits follow from it as those of
        the logarithm.
    conditions : str
    source : Source
    """

    features: tuple[str, ...] = Field(min_length=1)
    unit: str = ""
    percent: float | None = Field(default=None, gt=0.0)
    low_percent: float | None = Field(default=None, lt=0.0, gt=-100.0)
    high_percent: float | None = Field(default=None, gt=0.0)
    wcv_percent: float | None = Field(default=None, gt=0.0)
    conditions: str = Field(min_length=1)
    source: Source

    @model_validator(mode="after")
    def _is_said_once(self) -> PublishedEntry:
        pair = (self.low_percent is not None) + (self.high_percent is not None)
        ways = (self.percent is not None) + (self.wcv_percent is not None) + (pair == 2)
        if ways != 1 or pair == 1:
            raise ValueError("expected one of: percent, low_percent and high_percent, wcv_percent")
        return self

    def limits(self, source: str) -> NoiseLimits:
        """Return the limits of a change."""
        if self.wcv_percent is not None:
            return log_limits(self.wcv_percent, source)
        low = -self.percent if self.percent is not None else self.low_percent
        high = self.percent if self.percent is not None else self.high_percent
        assert low is not None  # noqa: S101 - one way is said
        assert high is not None  # noqa: S101
        rule = PERCENT if self.percent is not None else LOG
        return NoiseLimits(rule, Estimate(low), Estimate(high), source)


class PublishedFile(VersionedHeader, Strict):
    """The whole file."""

    format: Literal["biomarker-published-repeatability/1"]
    entries: Mapping[str, PublishedEntry] = Field(min_length=1)

    @property
    def ident(self) -> str:
        """``id@version``."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True)
class PublishedLimits:
    """The entries that were chosen.

    Attributes
    ----------
    ident : str
        ``id@version`` of the file.
    entries : mapping of str to PublishedEntry
    """

    ident: str
    entries: Mapping[str, PublishedEntry]

    def of(self, feature_id: str, unit: str) -> NoiseLimits | None:
        """Return the limits of a feature in a unit; None where no entry speaks of it."""
        for name, entry in self.entries.items():
            if entry.unit in {"", unit} and any(fnmatchcase(feature_id, p) for p in entry.features):
                return entry.limits(f"{self.ident}:{name}")
        return None


def shipped_file() -> Path:
    """Return the newest shipped file."""
    paths = (protocol_root() / FOLDER).glob("*.yaml")
    return max(paths, key=lambda path: Version.parse(path.stem))


def load_published(names: Iterable[str], path: Path | None = None) -> PublishedLimits:
    """Return the chosen entries of a file.

    Parameters
    ----------
    names : iterable of str
    path : Path, optional
        By default that which is shipped.

    Raises
    ------
    AgreementError
        ``PUBLISHED-UNKNOWN`` for a name that the file has not, or two names that speak of
        one feature; ``PUBLISHED-INVALID``.
    """
    found = load_model(
        path or shipped_file(), PublishedFile, FORMAT, "PUBLISHED-INVALID", AgreementError
    )
    chosen: dict[str, PublishedEntry] = {}
    for name in names:
        if name not in found.entries:
            near = closest(name[:100], found.entries)
            raise AgreementError(
                "PUBLISHED-UNKNOWN",
                f"no published limits are called {name[:100]!r}",
                hint=f"{'Did you mean ' + near[0] + '? ' if near else ''}There are: "
                f"{', '.join(found.entries)}.",
            )
        entry = found.entries[name]
        for other, known in chosen.items():
            if other != name and set(known.features) & set(entry.features):
                raise AgreementError(
                    "PUBLISHED-UNKNOWN",
                    f"{other} and {name} speak of the same features: which one holds?",
                    hint="Name one, and choose its ROIs with --roi.",
                )
        chosen[name] = entry
    return PublishedLimits(found.ident, chosen)
