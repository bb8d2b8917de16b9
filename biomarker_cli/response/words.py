"""The words of a table of readings: targets, sizes of new lesions, ``extra``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from biomarker_cli.model.wording import quoted
from biomarker_cli.response.criterion_file import CriterionFile, InputKey, TargetRules
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.expressions import Value
from biomarker_cli.response.readings import LesionReading, State, rounded
from biomarker_cli.response.scopes import WHOLE

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:[eE]-?[0-9]{1,2})?")
_PAIR = re.compile(r"([0-9.]+)\s*[xX×]\s*([0-9.]+)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,31}")
_NODE = re.compile(r"[Nn](?:[0-9_.].*)?")
_NEW_TARGET = re.compile(r"[Nn][Tt](?:[0-9_.].*)?")
_LIKE_NODE = re.compile(r"n|ln|.*(?:node|lymph)", re.IGNORECASE)
_MEAN_SD = re.compile(r"([0-9.eE-]+)\s*(?:\+-|\+/-|±)\s*([0-9.eE-]+)")

LARGEST = Decimal(1_000_000)
"""No diameter, product, SUV or HU is larger."""

_STATES: Mapping[str, State] = {
    "tstm": "too_small",
    "too small": "too_small",
    "too_small": "too_small",
    "absent": "absent",
    "gone": "absent",
    "missing": "missing",
    "ne": "not_evaluable",
    "not_evaluable": "not_evaluable",
}

NON_TARGET_WORDS = frozenset(
    {"none", "present", "cr", "non_cr_non_pd", "ne", "pd", "increased", "unchanged"}
)
NEW_WORDS = frozenset({"no", "yes", "equivocal"})


def bad_input(what: str, found: str) -> ResponseError:
    """Return the error for text that is none of the words."""
    return ResponseError("RESPONSE-BAD-INPUT", f"expected {what}, found {quoted(found)}")


def number(text: str, what: str) -> Decimal:
    """Return a decimal as it is written.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT`` for anything but a decimal from 0 to `LARGEST`.
    """
    if not _NUMBER.fullmatch(text):
        raise bad_input(what, text)
    value = Decimal(text)
    if value > LARGEST:
        raise bad_input(f"{what} of at most {LARGEST}", text)
    return value


def read_targets(text: str, rules: TargetRules) -> tuple[LesionReading, ...]:
    """Return the target lesions of a cell.

    ``none`` or nothing: no lesion. A sum (``100``, ``SPD=1000``), diameters
    (``20x15;18x12``), or lesions by name (``T1=21;N2=32x18;T3/T4=38;T5.1=9;T5.2=8``), of
    which those whose name begins with N are nodes. A fragment has the name of its lesion
    with a number behind a point.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT``, ``RESPONSE-LESION-AMBIGUOUS`` for a name that stands twice.
    """
    text = text.strip()
    if text.lower() in {"", "none"}:
        return ()
    parts = [part.strip() for part in text.split(";")]
    if "=" not in text:
        return _without_names(parts, rules)
    if parts[0].upper().startswith("SPD="):
        if len(parts) > 1 or rules.other != "product":
            raise bad_input("sizes as the criterion sums them", text)
        return (_lesion(WHOLE, parts[0][4:].strip()),)
    return tuple(_joined([lesion for part in parts for lesion in _named(part)]))


def _without_names(parts: list[str], rules: TargetRules) -> tuple[LesionReading, ...]:
    if len(parts) == 1 and not _PAIR.fullmatch(parts[0]):
        return (_lesion(WHOLE, parts[0]),)
    letter = "N" if rules.unnamed == "node" else "T"
    return tuple(_lesion(f"{letter}{place}", part) for place, part in enumerate(parts, start=1))


def _named(part: str) -> Iterator[LesionReading]:
    name, equals, size = part.partition("=")
    names = [one.strip() for one in name.split("/")]
    if not equals or not all(_NAME.fullmatch(one) for one in names):
        raise bad_input("a lesion such as T1=21", part)
    first, *others = names
    merged = tuple(names) if others else ()
    yield _lesion(first, size.strip(), merged)
    for other in others:
        yield LesionReading(other, is_node=_is_node(other), state="absent", parts=merged)


def _is_node(name: str) -> bool:
    """Tell whether a lesion is a node by its name; a name that leaves it open is refused."""
    if _NODE.fullmatch(name):
        return True
    # A new target lesion is called NT1, a new node N1.
    if _LIKE_NODE.match(name) and not _NEW_TARGET.fullmatch(name):
        raise bad_input("N1, N2 ... for a lymph node, another first letter for any other", name)
    return False


def _lesion(name: str, size: str, parts: tuple[str, ...] = ()) -> LesionReading:
    is_node = name != WHOLE and _is_node(name)
    state = _STATES.get(size.lower())
    if state is not None:
        return LesionReading(name, is_node, state, parts=parts)
    pair = _PAIR.fullmatch(size)
    if "+" in size and not parts:
        return _fragments(name, size)
    if pair is None:
        return LesionReading(
            name, is_node, value=number(size, "a size such as 21 or 20x15"), parts=parts
        )
    longest, short = (number(one, "a diameter") for one in pair.groups())
    if short > longest:
        longest, short = short, longest
    return LesionReading(name, is_node, longest=longest, short=short, parts=parts)


def _fragments(name: str, size: str) -> LesionReading:
    """Return a lesion that fell apart, written ``T1=12+10``."""
    sizes = [one.strip() for one in size.split("+")]
    parts = [_lesion(f"{name}.{place}", one) for place, one in enumerate(sizes, start=1)]
    return sum_of_parts(name, parts)


def _joined(lesions: list[LesionReading]) -> Iterator[LesionReading]:
    """Yield the lesions, fragments of one as their sum."""
    names = [lesion.lesion_id for lesion in lesions]
    for name in names:
        if names.count(name) > 1:
            raise ResponseError("RESPONSE-LESION-AMBIGUOUS", f"{name} stands twice")
    whole: dict[str, list[LesionReading]] = {}
    for lesion in lesions:
        whole.setdefault(lesion.lesion_id.partition(".")[0], []).append(lesion)
    for name, parts in whole.items():
        yield (
            parts[0]
            if len(parts) == 1 and parts[0].lesion_id == name
            else sum_of_parts(name, parts)
        )


def sum_of_parts(name: str, parts: list[LesionReading]) -> LesionReading:
    """Return a lesion that fell apart as the sum of its fragments.

    Raises
    ------
    ResponseError
        ``RESPONSE-LESION-AMBIGUOUS`` where lesion and fragments are both measured.
    """
    if any(part.lesion_id == name for part in parts):
        raise ResponseError(
            "RESPONSE-LESION-AMBIGUOUS", f"{name} and its fragments are both measured"
        )
    states = {part.state for part in parts}
    names = tuple(part.lesion_id for part in parts)
    for unknown in ("missing", "not_evaluable"):
        if unknown in states:
            state: State = next(part.state for part in parts if part.state == unknown)
            return LesionReading(name, parts[0].is_node, state, parts=names)
    if states != {"measured"} or len({part.value is None for part in parts}) > 1:
        raise bad_input("fragments that are all measured alike", ", ".join(names))
    if parts[0].value is not None:
        total = sum((part.value or Decimal(0) for part in parts), Decimal(0))
        return LesionReading(name, parts[0].is_node, value=total, parts=names)
    longest = sum((part.longest or Decimal(0) for part in parts), Decimal(0))
    short = sum((part.short or Decimal(0) for part in parts), Decimal(0))
    return LesionReading(name, parts[0].is_node, longest=longest, short=short, parts=names)


def read_new(text: str) -> tuple[LesionReading, ...]:
    """Return the new lesions of a cell, such as ``NT1=12;N1=16``.

    Raises
    ------
    ResponseError
        As `read_targets` does.
    """
    if not text.strip():
        return ()
    lesions = [lesion for part in text.split(";") for lesion in _named(part.strip())]
    return tuple(_joined(lesions))


def read_word(text: str, known: frozenset[str], what: str) -> str:
    """Return a word of a cell in small letters, empty where the cell is.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT``.
    """
    word = text.strip().lower()
    if word and word not in known:
        raise bad_input(f"{what}: {', '.join(sorted(known))}", text)
    return word


@dataclass(frozen=True)
class Extra:
    """What a cell of ``extra`` holds.

    Attributes
    ----------
    inputs : mapping
    parameters, policies : mapping
        Of the subject.
    given : str
        A call that was made before.
    """

    inputs: Mapping[str, Value]
    parameters: Mapping[str, int]
    policies: Mapping[str, str]
    given: str


def read_extra(text: str, file: CriterionFile) -> Extra:
    """Return the inputs, parameters, policies and the given call of ``extra``.

    Parameters
    ----------
    text : str
        ``key=value`` joined by ``;``, of keys that the criterion declares.
    file : CriterionFile

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT`` for any other text.
    """
    pairs: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        key, equals, value = (one.strip() for one in part.partition("="))
        if not equals or key in pairs:
            raise bad_input("key=value, each key once", part)
        pairs[key] = value
    known = ["given", *file.parameters, *file.policies, *file.inputs]
    inputs: dict[str, Value] = {}
    for key, value in pairs.items():
        if key not in known:
            raise bad_input(f"one of the keys {', '.join(known)}", key)
        if key in file.inputs:
            inputs |= _input(key, value, file.inputs[key])
    return Extra(
        inputs,
        {key: _whole_number(pairs[key], key) for key in file.parameters if key in pairs},
        {key: _choice(pairs[key], key, file) for key in file.policies if key in pairs},
        _given(pairs["given"], file) if "given" in pairs else "",
    )


def _choice(value: str, key: str, file: CriterionFile) -> str:
    choices = file.policies[key].choices
    if value not in choices:
        raise bad_input(f"one of {', '.join(choices)} behind {key}", value)
    return value


def _given(value: str, file: CriterionFile) -> str:
    calls = [*file.best.order, *file.pending.calls]
    if value not in calls:
        raise bad_input(f"one of the calls {', '.join(calls)}", value)
    return value


def _whole_number(text: str, key: str) -> int:
    words = {"yes": 1, "no": 0}
    if text in words:
        return words[text]
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise bad_input(f"a whole number behind {key}", text)
    return int(text)


def _input(key: str, text: str, rules: InputKey) -> dict[str, Value]:
    if rules.type == "word":
        if text not in rules.words:
            raise bad_input(f"one of {', '.join(rules.words)} behind {key}", text)
        return {key: text}
    if rules.type == "number":
        # HU may be below 0, all else is not.
        sign = -1 if text.startswith("-") and "H" in rules.unit.upper() else 1
        value = sign * number(text[1:] if sign < 0 else text, f"a number behind {key}")
        return {key: rounded(value, rules.decimals)}
    found = _MEAN_SD.fullmatch(text)
    if found is None:
        raise bad_input(f"mean+-SD behind {key}, such as 2.0+-0.2", text)
    mean, sd = (
        rounded(number(one, f"a number behind {key}"), rules.decimals) for one in found.groups()
    )
    return {key: mean, f"{key}_sd": sd}
