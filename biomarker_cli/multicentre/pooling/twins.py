"""One image or one examination that stands in a pool under two names.

Every case is held against every other, whichever part it is of, so that how the cases
were shared out does not change what is found. All that share are left out: nobody can
say whose the image is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from biomarker_cli.multicentre.errors import PoolError
from biomarker_cli.multicentre.pooling.parts import PartCase, PoolPart
from biomarker_cli.multicentre.pooling.rules import LEAVE_OUT, REFUSE, PoolRules

_MOST_NAMED = 5
"""Twins of one case, and pairs of a refusal, that are named."""

_SAID = {
    "image": "one image stands under two subjects or visits",
    "subject": "one examination stands under two subjects",
}


@dataclass(frozen=True)
class LeftOutCase:
    """Why a case is left out: a reason of exclusions.csv, and the other cases."""

    reason: str
    detail: str


def require_single_cases(parts: Sequence[PoolPart]) -> None:
    """Refuse a case that stands in two parts.

    Raises
    ------
    PoolError
        ``POOL-CASE-REPEATED``.
    """
    seen: dict[str, PoolPart] = {}
    for part in parts:
        for case_id in part.cases:
            other = seen.setdefault(case_id, part)
            if other is part:
                continue
            known = (str(p.manifest["cases"][case_id].get("result_key")) for p in (other, part))
            what = "the same result" if len(set(known)) == 1 else "two results"
            raise PoolError(
                "POOL-CASE-REPEATED",
                f"the case {case_id} stands in {other.name} and in {part.name}: {what}",
                hint="A run that was named twice is named once. Two centres that chose one "
                "site_id: write another into the list of cases of one, and run it again.",
            )


def find_twins(parts: Sequence[PoolPart], rules: PoolRules) -> dict[str, LeftOutCase]:
    """Return the cases that are left out because they share an image or an examination.

    Raises
    ------
    PoolError
        ``POOL-DUPLICATE``.
    """
    cases = [case for part in parts for case in part.cases.values()]
    where = {case.case_id: part.name for part in parts for case in part.cases.values()}
    found: dict[str, LeftOutCase] = {}
    for kind, reason, twins in (
        ("subject", "same_subject", _sharing(cases, _study, _subject)),
        ("image", "same_image", _sharing(cases, _images, _visit)),
    ):
        if twins and rules.answer(kind) == REFUSE:
            raise _refusal(kind, twins, where)
        if rules.answer(kind) == LEAVE_OUT:
            # The image is the stronger word, where both hold.
            found |= {
                case_id: LeftOutCase(reason, ";".join(sorted(others)[:_MOST_NAMED]))
                for case_id, others in twins.items()
            }
    return found


def _images(case: PartCase) -> tuple[str, ...]:
    return case.images


def _study(case: PartCase) -> tuple[str, ...]:
    return (case.study_uid,) if case.study_uid else ()


def _visit(case: PartCase) -> tuple[str, ...]:
    return (*case.subject, case.timepoint)


def _subject(case: PartCase) -> tuple[str, ...]:
    return case.subject


def _sharing(
    cases: Iterable[PartCase],
    names_of: Callable[[PartCase], tuple[str, ...]],
    owner_of: Callable[[PartCase], tuple[str, ...]],
) -> dict[str, set[str]]:
    """Return the cases that share a name with a case of another owner, with those cases."""
    by_name: dict[str, list[PartCase]] = defaultdict(list)
    for case in cases:
        for name in names_of(case):
            by_name[name].append(case)
    found: dict[str, set[str]] = defaultdict(set)
    for alike in by_name.values():
        if len({owner_of(case) for case in alike}) < 2:
            continue
        sharing = sorted(alike, key=attrgetter("case_id"))
        for case in sharing:
            others = (c.case_id for c in sharing if owner_of(c) != owner_of(case))
            found[case.case_id].update(islice(others, _MOST_NAMED))
    return dict(sorted(found.items()))


def _refusal(kind: str, twins: Mapping[str, set[str]], where: Mapping[str, str]) -> PoolError:
    pairs = {tuple(sorted((one, other))) for one, others in twins.items() for other in others}
    told = [
        f"{one} ({where[one]}) and {other} ({where[other]})"
        for one, other in sorted(pairs)[:_MOST_NAMED]
    ]
    more = f" and {len(pairs) - _MOST_NAMED} more" if len(pairs) > _MOST_NAMED else ""
    return PoolError(
        "POOL-DUPLICATE",
        f"{_SAID[kind]}: {'; '.join(told)}{more}",
        hint=f"Find out whose it is and take the other out of its study, or say "
        f"--on {kind}=leave_out: then all that share it are left out.",
    )
