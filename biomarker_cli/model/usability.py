"""Whether a row of measurements may be pooled: ``yes``, ``caution`` or ``no``.

``no`` where there is no value, or a flag is ``do_not_use``; else ``caution`` where one
is; else ``yes``. A flag weighs what the policy of the study says of the flag with its
argument, else of the flag, else what `model.severities` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from biomarker_cli.model.severities import SEVERITIES, Severity

Usable = Literal["yes", "caution", "no"]

USABLE_WORDS: tuple[Usable, ...] = ("yes", "caution", "no")
"""From the best to the worst."""

Least = Literal["yes", "caution", "all"]
"""The least usable that is still taken: usable values, also those under caution, or all."""

TAKEN: Mapping[Least, frozenset[str]] = MappingProxyType(
    {
        "yes": frozenset({"yes"}),
        "caution": frozenset({"yes", "caution"}),
        "all": frozenset(USABLE_WORDS),
    }
)
"""The words of `usable` whose values are taken."""

_RANK: Mapping[str, int] = {word: rank for rank, word in enumerate(USABLE_WORDS)}

_BY_SEVERITY: Mapping[Severity, Usable] = {"info": "yes", "caution": "caution", "do_not_use": "no"}


@dataclass(frozen=True)
class UsablePolicy:
    """What flags weigh.

    Attributes
    ----------
    own : tuple of (flag, severity)
        What a study says otherwise, by flag or by flag with argument; sorted.
    file : str
        Name of its file, as the study gives it; empty for none.
    sha256 : str
        Of the content of the file.
    """

    own: tuple[tuple[str, Severity], ...] = ()
    file: str = ""
    sha256: str = ""

    def severity_of(self, flag: str) -> Severity:
        """Return what a flag weighs.

        Raises
        ------
        ValueError
            For a word that is no flag.
        """
        own = dict(self.own)
        head = flag.partition(":")[0]
        if head not in SEVERITIES:
            raise ValueError(f"unregistered flag {flag!r}")
        return own.get(flag) or own.get(head) or SEVERITIES[head]

    def usable(self, status: str, flags: frozenset[str]) -> Usable:
        """Return whether a row of this status and these flags may be pooled.

        Raises
        ------
        ValueError
            For a word that is no flag.
        """
        return _worst(self, flags) if status == "ok" else "no"


DEFAULT_POLICY = UsablePolicy()
"""What flags weigh where a study says nothing."""


@lru_cache(maxsize=4096)
def _worst(policy: UsablePolicy, flags: frozenset[str]) -> Usable:
    # Millions of rows have a few hundred sets of flags.
    return worst(_BY_SEVERITY[policy.severity_of(flag)] for flag in flags)


def worst(words: Iterable[str]) -> Usable:
    """Return the worst of some words of `USABLE_WORDS`; ``yes`` of none."""
    return USABLE_WORDS[max(map(_RANK.__getitem__, words), default=0)]
