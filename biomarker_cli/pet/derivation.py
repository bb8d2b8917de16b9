"""The derivation: every input, conversion, candidate and warning behind a factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Derivation:
    """What was read and decided for one series, as data.

    It is filled while the factor is made and read-only afterwards.

    Attributes
    ----------
    inputs : list
        ``{name, value, unit, tag}`` as the header or the form says it.
    conversions : list
        ``{name, found, used, rule}``.
    candidates : list
        Reference times: see `pet.reference_time`.
    warnings : list of str
    overrides : list
        ``{tag, value, found, reason, who}``.
    flags : set of str
        What the rows must carry.
    results : dict
        Rule, factors and what else the stage decided.
    """

    inputs: list[dict[str, Any]] = field(default_factory=list)
    conversions: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    results: dict[str, Any] = field(default_factory=dict)

    def read(self, name: str, value: Any, unit: str, tag: str) -> None:
        """Note an input as it was found."""
        self.inputs.append({"name": name, "value": value, "unit": unit, "tag": tag})

    def convert(self, name: str, found: Any, used: Any, rule: str) -> None:
        """Note that a value is not used as it was found."""
        self.conversions.append({"name": name, "found": found, "used": used, "rule": rule})

    def warn(self, text: str, flag: str = "") -> None:
        """Note a warning, with the flag that the rows carry for it."""
        self.warnings.append(text)
        if flag:
            self.flags.add(flag)

    def is_overridden(self, *tags: str) -> bool:
        """Tell whether a person answers for one of these elements."""
        return any(item["tag"] in tags for item in self.overrides)

    def as_dict(self) -> dict[str, Any]:
        """Return the derivation as JSON-able data."""
        return {
            "inputs": self.inputs,
            "conversions": self.conversions,
            "candidates": self.candidates,
            "overrides": self.overrides,
            "warnings": self.warnings,
            "flags": sorted(self.flags),
            **self.results,
        }
