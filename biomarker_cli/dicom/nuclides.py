"""Radionuclides: half-lives, and the codes that name them in a header.

References
----------
DICOM PS3.16 CID 4020 (PET radionuclides) and, of CID 18, what a gamma camera
images and is met in PET objects; values of SRT (SNOMED RT, retired), SCT and
DCM. Half-lives: evaluated nuclear structure data (ENSDF, NNDC; as paceENSDF 0.6.3
holds them) and ICRP Publication 107 (as radioactivedecay 0.6.1 holds it), rounded:
they serve to check a header within 1 %, never to replace it. A scanner may hold
either value, so that where the two differ by more, ours stands between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

HALF_LIFE_TOLERANCE = 0.01
"""Relative difference within which a header's half-life agrees with its nuclide."""

HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Nuclide:
    """A radionuclide.

    Attributes
    ----------
    name : str
        Symbol and mass number, ``F-18``.
    half_life_s : float
    is_positron_emitter : bool
        False for what a gamma camera images.
    codes : tuple of str
        Code values of every scheme in use.
    """

    name: str
    half_life_s: float
    is_positron_emitter: bool = True
    codes: tuple[str, ...] = ()


# Name, half-life in s, then codes: SRT and SCT, or DCM alone.
_POSITRON_EMITTERS = (
    ("C-11", 1221.8, "C-105A1", "40565003"),
    ("N-13", 597.9, "C-107A1", "21576001"),
    ("O-14", 70.62, "C-1018C", "424875009"),
    ("O-15", 122.24, "C-B1038", "129504001"),
    ("F-18", 6586.2, "C-111A1", "77004003"),
    ("Na-22", 2.602 * 365.25 * DAY, "C-155A1", "71633006"),
    ("K-38", 458.2, "C-135A4", "423764008"),
    ("Sc-43", 3.891 * HOUR, "126605"),
    ("Sc-44", 4.006 * HOUR, "126600"),  # 4.042 h in ENSDF, 3.97 h in ICRP 107
    ("Ti-45", 184.8 * 60, "C-166A2", "75696008"),
    ("Mn-51", 46.2 * 60, "126601"),
    ("Mn-52m", 21.1 * 60, "126607"),
    ("Mn-52", 5.591 * DAY, "C-149A1", "37225000"),
    ("Fe-52", 8.275 * HOUR, "C-130A1", "69089000"),
    ("Cu-60", 23.7 * 60, "C-127A4", "425364008"),
    ("Cu-61", 3.339 * HOUR, "C-127A1", "71425003"),
    ("Cu-62", 9.67 * 60, "C-127A5", "422934004"),
    ("Cu-64", 12.701 * HOUR, "C-127A2", "3932008"),
    ("Zn-62", 9.193 * HOUR, "C-141A1", "65054007"),
    ("Ga-66", 9.49 * HOUR, "C-131A1", "79477007"),
    ("Ga-68", 4063.0, "C-131A3", "35337001"),
    ("Ge-68", 270.9 * DAY, "C-128A2", "53315004"),
    ("As-70", 52.6 * 60, "126602"),
    ("As-72", 26.0 * HOUR, "C-115A2", "2705002"),
    ("Se-73", 7.15 * HOUR, "C-116A2", "87437000"),
    ("Br-75", 96.7 * 60, "C-113A1", "17910003"),
    ("Br-76", 16.2 * HOUR, "C-113A2", "79523006"),
    ("Br-77", 57.04 * HOUR, "C-113A3", "86521004"),
    ("Rb-82", 75.7, "C-159A2", "79197006"),  # 75.45 s in ENSDF, 76.38 s in ICRP 107
    ("Y-86", 14.74 * HOUR, "C-162A3", "10738001"),
    ("Y-90", 64.05 * HOUR, "C-162A7", "14691008"),
    ("Nb-90", 14.6 * HOUR, "126603"),
    ("Zr-89", 78.4 * HOUR, "C-168A4", "63360001"),
    ("Tc-94m", 52.0 * 60, "C-163AA", "424079002"),
    ("I-124", 4.176 * DAY, "C-114A5", "40937006"),
    ("Tb-152", 17.5 * HOUR, "126606"),
)

_GAMMA_EMITTERS = (
    ("Ga-67", 3.2617 * DAY, "C-131A2", "2008008"),
    ("In-111", 2.805 * DAY, "C-145A4", "56609000"),
    ("I-123", 13.22 * HOUR, "C-114A4", "21572004"),
    ("I-131", 8.025 * DAY, "C-114B1", "1368003"),
    ("Lu-177", 6.647 * DAY, "C-101ED", "447553000"),
    ("Ra-223", 11.43 * DAY, "C-136A2", "24853006"),
    ("Re-188", 17.005 * HOUR, "C-1018D", "423578007"),
    ("Sm-153", 46.28 * HOUR, "C-B1134", "419804008"),
    ("Tc-99m", 6.0066 * HOUR, "C-163A8", "72454006"),
    ("Tl-201", 3.0421 * DAY, "C-138A9", "60057003"),
    ("Xe-133", 5.2475 * DAY, "C-172A8", "80751004"),
)

NUCLIDES = MappingProxyType(
    {
        name: Nuclide(name, half_life_s, is_positron_emitter, tuple(codes))
        for table, is_positron_emitter in ((_POSITRON_EMITTERS, True), (_GAMMA_EMITTERS, False))
        for name, half_life_s, *codes in table
    }
)
"""Nuclide by name."""

_BY_CODE = MappingProxyType(
    {code: nuclide for nuclide in NUCLIDES.values() for code in nuclide.codes}
)

_ELEMENTS = MappingProxyType(
    {
        "carbon": "C",
        "nitrogen": "N",
        "oxygen": "O",
        "fluorine": "F",
        "fluor": "F",
        "sodium": "Na",
        "potassium": "K",
        "scandium": "Sc",
        "titanium": "Ti",
        "manganese": "Mn",
        "iron": "Fe",
        "copper": "Cu",
        "zinc": "Zn",
        "gallium": "Ga",
        "germanium": "Ge",
        "arsenic": "As",
        "selenium": "Se",
        "bromine": "Br",
        "rubidium": "Rb",
        "yttrium": "Y",
        "niobium": "Nb",
        "zirconium": "Zr",
        "technetium": "Tc",
        "indium": "In",
        "iodine": "I",
        "xenon": "Xe",
        "samarium": "Sm",
        "terbium": "Tb",
        "lutetium": "Lu",
        "rhenium": "Re",
        "thallium": "Tl",
        "radium": "Ra",
    }
)

_MASS_FIRST = re.compile(r"^(\d{1,3}m?)([A-Za-z]+)$")
_MASS_LAST = re.compile(r"^([A-Za-z]+?)(\d{1,3}m?)$")


def nuclide_of_code(code: str) -> Nuclide | None:
    """Return the nuclide of a code value of SRT, SCT or DCM; None where unknown."""
    return _BY_CODE.get(code.strip())


def nuclide_of_text(text: str) -> Nuclide | None:
    """Return the nuclide that a text such as ``^18^Fluorine`` or ``F-18`` names."""
    compact = re.sub(r"[^A-Za-z0-9]", "", text)
    if match := _MASS_FIRST.match(compact):
        mass, element = match.groups()
    elif match := _MASS_LAST.match(compact):
        element, mass = match.groups()
    else:
        return None
    symbol = _ELEMENTS.get(element.lower(), element.capitalize())
    return NUCLIDES.get(f"{symbol}-{mass.lower()}")


def nuclides_of_half_life(half_life_s: float) -> tuple[Nuclide, ...]:
    """Return the nuclides whose half-life agrees with a value."""
    return tuple(n for n in NUCLIDES.values() if agrees(n, half_life_s))


def agrees(nuclide: Nuclide, half_life_s: float) -> bool:
    """Tell whether a half-life is that of a nuclide, within the tolerance."""
    return abs(half_life_s / nuclide.half_life_s - 1.0) <= HALF_LIFE_TOLERANCE
