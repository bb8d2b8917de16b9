"""Longitudinal relaxivity of contrast agents, and T1 of blood.

References
----------
Rohrer et al. 2005, Invest Radiol 40:715 (human plasma, 37 degrees); Lu et al. 2004, Magn
Reson Med 52:679 (T1 of blood). As the dcmri library cites them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.model.wording import quoted
from biomarker_cli.perfusion.errors import PerfusionError

RELAXIVITY_PER_S_MM: MappingProxyType[str, tuple[float, float]] = MappingProxyType(
    {
        "gadobutrol": (5.2, 5.0),
        "gadoterate": (3.6, 3.5),
        "gadopentetate": (4.1, 3.7),
        "gadoteridol": (4.1, 3.7),
        "gadobenate": (6.3, 5.5),
        "gadodiamide": (4.3, 4.0),
        "gadoxetate": (8.1, 6.4),
        "gadopiclenol": (12.8, 11.6),
    }
)
"""Agent -> r1 at 1.5 T and at 3 T, 1/(s mmol/L); the same in blood and tissue by convention."""

_FIELDS_T = (1.5, 3.0)
_FIELD_TOLERANCE_T = 0.25


def nominal_field(field_t: float | None, where: str) -> float:
    """Return 1.5 or 3, the strengths that published numbers are for.

    Raises
    ------
    PerfusionError
        ``DCE-FIELD`` where the strength is another one, or is not told.
    """
    for nominal in _FIELDS_T:
        if field_t is not None and abs(field_t - nominal) <= _FIELD_TOLERANCE_T:
            return nominal
    found = "none" if field_t is None else f"{field_t:g} T"
    raise PerfusionError(
        "DCE-FIELD",
        f"expected MagneticFieldStrength of 1.5 or 3 T, found {found}",
        where=where,
        hint="Give relaxivity_per_s_mm and the T1 of blood in the analysis protocol.",
    )


def relaxivity(agent: str, field_t: float | None, where: str) -> float:
    """Return r1 of an agent in 1/(s mmol/L).

    Raises
    ------
    PerfusionError
        ``DCE-FIELD``.
    """
    return RELAXIVITY_PER_S_MM[agent][_FIELDS_T.index(nominal_field(field_t, where))]


def agent_of_headers(headers: Sequence[FrameHeader], names: dict[str, str]) -> str:
    """Return the agent that ContrastBolusAgent means by the map of a protocol.

    Parameters
    ----------
    headers : sequence of FrameHeader
        Of every phase; those before contrast may have no text.
    names : dict
        Part of the text, in any case -> agent.

    Raises
    ------
    PerfusionError
        ``DCE-AGENT`` where the text is absent, unknown or means several.
    """
    texts = sorted({str(value) for one in headers if (value := one.get("ContrastBolusAgent"))})
    meant = [
        {agent for name, agent in names.items() if name.lower() in text.lower()} for text in texts
    ]
    found = frozenset().union(*meant)
    if len(found) == 1 and all(meant):
        return next(iter(found))
    listed = ", ".join(map(quoted, texts)) or "absent"
    known = ", ".join([*sorted(found), *(["none of them"] if not all(meant) or not meant else [])])
    raise PerfusionError(
        "DCE-AGENT",
        f"ContrastBolusAgent (0018,0010) is {listed}: expected one agent that the protocol "
        f"knows, found {known}",
        where=headers[0].path.name,
        hint="Name the agent in the analysis protocol (agent.name), or its text (agent.names).",
    )


def blood_t1_s(field_t: float | None, haematocrit: float, where: str) -> float:
    """Return T1 of arterial blood without contrast agent, s.

    Raises
    ------
    PerfusionError
        ``DCE-FIELD``.
    """
    if nominal_field(field_t, where) == _FIELDS_T[0]:
        return 1.44
    return 1.0 / (0.52 * haematocrit + 0.38)
