"""The b-value of a frame, and whether the elements that tell it agree.

A header says b more than once: in the standard element and in the vendor's, by
the length of the gradient vector, by the trace of the b-matrix, by a word. What
agrees is read; what contradicts is told, with the elements, and never decided
here by preferring one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biomarker_cli.dicom.b_dialects import (
    DIALECTS,
    GE_PRIVATE,
    LARGEST_B,
    BValue,
    sequence_name_b,
    uih_console,
)
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import (
    GE_VECTOR,
    Directionality,
    WrittenVector,
    b_matrix_trace,
    read_gradient,
    says_unweighted,
    written_vectors,
)
from biomarker_cli.dicom.nominal_b import CLUSTER_ABSOLUTE, same_b

__all__ = ["GE_GRADIENT_LENGTH", "LARGEST_B", "BValue", "read_b_value"]

LENGTH_TOLERANCE = 0.02
"""A gradient vector whose squared length is this close to 1 is a unit vector."""

SHORTEST_SQUARED = 0.03**2
"""A shorter vector scales nothing: it is no direction, and not the absence of one either."""

GE_GRADIENT_LENGTH = "ge_gradient_length"
"""Rule of a b-value that was scaled by the squared length of its gradient vector."""

TRACE_ABSOLUTE = 10.0
TRACE_RELATIVE = 0.03
"""The b-matrix counts the imaging gradients too: the larger of 10 s/mm2 and 3 % is allowed."""

CONSOLE_ABSOLUTE = 25.0
CONSOLE_RELATIVE = 0.20
"""An applied b-value farther from that of the console is none of the same image (UIH has 7 %)."""


def read_b_value(header: FrameHeader) -> BValue | None:
    """Return the b-value of a frame, None where the header has none.

    GE writes the b-value of the longest gradient on every image of a series
    and shortens the vector of the others: there b is scaled by its squared
    length (rule ``ge_gradient_length``).

    Returns
    -------
    BValue or None
        With `BValue.conflict` where the elements contradict each other.

    References
    ----------
    DICOM PS3.3 C.8.13.5.9 (MR Diffusion); the conformance statements of the
    vendors for private elements.
    """
    said = [found for dialect in DIALECTS if (found := dialect(header)) is not None]
    if not said:
        return None
    found = _of_elements(header, said)
    conflict = found.conflict or _with_sequence_name(header, found)
    return replace(found, conflict=conflict)


def _of_elements(header: FrameHeader, said: Sequence[BValue]) -> BValue:
    first = said[0]
    numbers = [one for one in said if one.is_number]
    if not first.is_number or max(one.value for one in numbers) < CLUSTER_ABSOLUTE:
        # Without weighting a direction means nothing (Philips writes a diagonal one).
        return first
    vectors = written_vectors(header)
    if not all(map(_is_unit, vectors)):
        # On an image that combines directions the vector means nothing.
        combined = read_gradient(header).directionality is Directionality.ISOTROPIC
        vectors = () if combined else vectors
    ge = next((one for one in numbers if one.rule == GE_PRIVATE), None)
    own = next((v for v in vectors if v.tag == GE_VECTOR), vectors[0] if vectors else None)
    if ge is not None and own is not None and not _is_unit(own):
        found = _scaled(ge, [one for one in numbers if one is not ge], own, vectors)
    else:
        conflict = _between_elements(numbers) or _with_length(first, vectors)
        found = replace(first, conflict=conflict)
    conflict = found.conflict or _with_console(header, found) or _with_trace(header, found)
    if not conflict and found.value >= CLUSTER_ABSOLUTE:
        conflict = says_unweighted(header) and f"{_says(found)}, {says_unweighted(header)}"
    return replace(found, conflict=conflict)


def _with_sequence_name(header: FrameHeader, found: BValue) -> str:
    console = sequence_name_b(header)
    if console is None or not found.is_number:
        return ""
    said = found.value if found.nominal is None else found.nominal
    if abs(said - console) <= max(CONSOLE_ABSOLUTE, CONSOLE_RELATIVE * console):
        return ""
    return f"{_says(found)}, the name of the sequence (0018,0024) b = {console:g} s/mm2"


def _scaled(
    ge: BValue, others: Sequence[BValue], own: WrittenVector, vectors: Sequence[WrittenVector]
) -> BValue:
    """Return the b-value of a GE image whose gradient vector is shorter than 1."""
    length = own.squared_length
    if not SHORTEST_SQUARED <= length < 1.0:
        return replace(ge, conflict=_length_text(ge, own))
    odd = next((v for v in vectors if not _is_unit(v) and not _is_near(v, length)), None)
    if odd is not None:
        return replace(ge, conflict=f"{_length_text(ge, own)}, that of {odd.tag} another one")
    scaled = BValue(round(ge.value * length, 3), f"{ge.tag} x |{own.tag}|^2", GE_GRADIENT_LENGTH)
    # (0018,9087) repeats the unscaled value on some systems, and is the applied one on others.
    applied = [one for one in others if not same_b(one.value, ge.value)]
    if not applied:
        return scaled
    wrong = next((one for one in applied if not same_b(one.value, scaled.value)), None)
    if wrong is None:
        return applied[0]
    return replace(wrong, conflict=f"{_says(wrong)}, {_says(ge)} and {_says(scaled)}")


def _between_elements(numbers: Sequence[BValue]) -> str:
    first = numbers[0]
    for other in numbers[1:]:
        ours, theirs = (
            [v for v in (one.value, one.nominal) if v is not None] for one in (first, other)
        )
        if not any(same_b(a, b) for a in ours for b in theirs):
            return f"{_says(first)}, {_says(other)}"
    return ""


def _with_console(header: FrameHeader, found: BValue) -> str:
    console = uih_console(header) if found.nominal is None else found.nominal
    if console is None:
        return ""
    allowed = max(CONSOLE_ABSOLUTE, CONSOLE_RELATIVE * console)
    if abs(found.value - console) <= allowed:
        return ""
    return f"{_says(found)} applied, the console {console:g} s/mm2"


def _with_length(found: BValue, vectors: Sequence[WrittenVector]) -> str:
    odd = next((v for v in vectors if not _is_unit(v)), None)
    return "" if odd is None else _length_text(found, odd)


def _with_trace(header: FrameHeader, found: BValue) -> str:
    trace, tag = b_matrix_trace(header)
    if trace is None or abs(trace - found.value) <= max(
        TRACE_ABSOLUTE, TRACE_RELATIVE * found.value
    ):
        return ""
    return f"{_says(found)}, the trace of the b-matrix {tag} is {trace:g} s/mm2"


def _says(one: BValue) -> str:
    return f"{one.tag} says b = {one.value:g} s/mm2"


def _length_text(found: BValue, vector: WrittenVector) -> str:
    return (
        f"{_says(found)}, and the squared length of its direction {vector.tag} is "
        f"{vector.squared_length:.4g} for 1"
    )


def _is_unit(vector: WrittenVector) -> bool:
    return _is_near(vector, 1.0)


def _is_near(vector: WrittenVector, squared: float) -> bool:
    return abs(vector.squared_length - squared) <= LENGTH_TOLERANCE * squared
