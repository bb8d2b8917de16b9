"""Write a draft protocol from a reference examination."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

import yaml

from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.facts.elements import path_text
from biomarker_cli.acquisition.formatting import value_text
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.reading import read_fact, tags_of
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.document import ID_PATTERN

_TOLERANCES = MappingProxyType(
    {
        "slice_thickness_mm": {"abs": 0.1},
        "slice_gap_mm": {"abs": 0.05},
        "echo_time_ms": {"rel": 0.05},
        "repetition_time_ms": {"rel": 0.1},
        "flip_angle_deg": {"rel": 0.05},
        "field_strength_t": {"rel": 0.1},
        "tube_voltage_kv": {"abs": 1.0},
        "spiral_pitch": {"rel": 0.1},
        "half_life_s": {"rel": 0.01},
        "frame_duration_ms": {"rel": 0.1},
        "pixel_spacing_mm": {"rel": 0.05},
        "b_values": {},
        "kernel": {},
        "reconstruction_method": {},
        "radionuclide": {},
        "pet_units": {},
        "decay_correction": {},
        "attenuation_corrected": {},
        "mr_acquisition_type": {},
    }
)
"""Facts that a reference examination fixes, with the tolerance that a draft starts from."""


_BASE_PROTOCOLS = MappingProxyType({"CT": "base-ct", "MR": "base-mr", "PT": "base-pet"})
"""Modality -> the shipped protocol that says what its numbers cannot do without."""

UNWRITTEN_FIX = "say here what to do"
"""What a draft says in place of a fix, and `lint` asks to replace."""


def draft_protocol(series: Sequence[SeriesHeaders], ident: str, today: str) -> str:
    """Return the YAML of a draft that the given series pass.

    Parameters
    ----------
    series : sequence of SeriesHeaders
        Of one modality; one reference series, or several of the same protocol.
    ident : str
        Id of the new protocol.
    today : str
        YYYY-MM-DD, for the changelog.

    Raises
    ------
    ConfigurationError
        ``DRAFT-MODALITY`` where the series are of several modalities,
        ``DRAFT-EMPTY`` where they fix nothing, ``DRAFT-ID`` where no protocol
        can be called that.
    """
    if not re.match(ID_PATTERN, ident):
        raise ConfigurationError(
            "DRAFT-ID",
            f"no protocol can be called {quoted(ident)}",
            hint="An id has small letters, digits, dots and dashes, such as site-ct.",
        )
    modality = _modality_of(series)
    prefix = "".join(c if c.isalnum() else "-" for c in ident.upper())
    values = dict(_fixed_facts(series))
    if not values:
        raise ConfigurationError(
            "DRAFT-EMPTY", "no fact is told, with one value, by every slice of every series"
        )
    needed = _needed_facts(modality)
    rules = [
        _rule(prefix, name, value, "error" if needed & _names_of(name) else "warning")
        for name, value in values.items()
    ]
    facts = {name: _as_yaml(value) for name, value in values.items()}
    expected = {"the reference": (facts, "pass"), "nothing is told": ({}, "not_evaluable")}
    document = {
        "format": "biomarker-acquisition/1",
        "id": ident,
        "version": "0.1.0",
        "status": "draft",
        "title": f"Drafted from {len(series)} reference series; to be edited",
        "source": [{"doc": "reference examination", "confirmed": {"by": "secondary"}}],
        "changelog": [{"version": "0.1.0", "date": today, "change": "drafted from data"}],
        "applies_to": {"when": {"Modality": modality}},
        "rules": rules,
        "tests": [
            {
                "title": title,
                "facts": {"Modality": modality, **told},
                "expect": {rule["id"]: outcome for rule in rules},
            }
            for title, (told, outcome) in expected.items()
        ],
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _modality_of(series: Sequence[SeriesHeaders]) -> str:
    modalities = sorted({one.modality for one in series})
    if len(modalities) != 1:
        raise ConfigurationError(
            "DRAFT-MODALITY",
            f"expected series of one modality, found {', '.join(modalities) or 'none'}",
            hint="Name the folder of one series, and draft one protocol for each.",
        )
    return modalities[0]


def _fixed_facts(series: Sequence[SeriesHeaders]) -> Iterator[tuple[str, Any]]:
    """Yield facts that every slice tells, with one value that can be; inferred ones fix nothing."""
    for name in _TOLERANCES:
        definition = FACTS.get(name)
        if definition is None:
            continue
        if definition.modalities and series[0].modality not in definition.modalities:
            continue
        readings = [read_fact(one, name) for one in series]
        values = list(dict.fromkeys(value for r in readings for value in r.values))
        whole = all(
            r.values and not r.n_missing and not r.is_inferred and not r.implausible
            for r in readings
        )
        if whole and len(values) == 1:
            yield name, values[0]


def _needed_facts(modality: str) -> frozenset[str]:
    """Return the facts without which the base protocol of a modality trusts no number."""
    if modality not in _BASE_PROTOCOLS:
        return frozenset()
    rules = load_acquisition(_BASE_PROTOCOLS[modality]).content.rules
    facts = [str(rule.fact) for rule in rules if rule.severity == "error"]
    return frozenset(fact if FACTS.get(fact) else path_text(fact) for fact in facts)


def _names_of(name: str) -> set[str]:
    """Return a fact and the one element that it is, by which a rule may ask for it too."""
    definition = FACTS.get(name)
    tags = tags_of(definition) if definition else ()
    return {name, *tags} if len(tags) == 1 else {name}


def _rule(prefix: str, name: str, value: Any, severity: str) -> dict[str, Any]:
    definition = FACTS.get(name)
    unit = definition.unit if definition else ""
    rule: dict[str, Any] = {
        "id": f"{prefix}-{name.upper().replace('_', '-')}",
        "title": _title(name, unit),
        "fact": name,
    }
    if name == "b_values":
        rule["check"] = {"contains_all": _as_yaml(value)}
    elif isinstance(value, tuple):
        rule["check"] = {"one_of": sorted(set(_as_yaml(value)))}
    else:
        rule["check"] = {"equals": _as_yaml(value)}
    if _TOLERANCES[name]:
        rule["tolerance"] = dict(_TOLERANCES[name])
    if unit:
        rule["unit"] = unit
    rule |= {"over": "series", "level": "shall", "severity": severity}
    said = f"{value_text(value)} {unit if unit != '1' else ''}".rstrip()
    rule["fix"] = f"The reference has {said}: {UNWRITTEN_FIX}."
    return rule


def _title(name: str, unit: str) -> str:
    """Return the name of a fact in words, without the unit at its end."""
    words = name.split("_")
    if len(words) > 1 and words[-1].lower() == unit.lower():
        words = words[:-1]
    return " ".join(words).capitalize()


def _as_yaml(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_yaml(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
