"""Agreement of readings in categories: between readers, occasions, and with the truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.kappa import agreement_weights, fleiss_kappa, kappa
from biomarker_cli.multicentre.proportions import clopper_pearson
from biomarker_cli.multicentre.scores import Categories, ScoreReading, Scores, categories_of
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

_ESTIMATES = {
    "agreement": "part of the cases with one category; exact limits",
    "changed": "part of the cases with another category on the later occasion; exact limits",
    "kappa": "Cohen's kappa; of all readers Fleiss', without limits",
    "kappa_linear": "weighted by the distance of ordered categories",
    "kappa_quadratic": "weighted by the square of that distance",
    "sensitivity": "part of the truly positive that were called so; exact limits",
    "specificity": "part of the truly negative that were called so; exact limits",
}


def _estimate_columns() -> Iterator[Column]:
    for name, meaning in _ESTIMATES.items():
        yield Column(name, "number", meaning)
        yield Column(f"{name}_ci95_low", "number", "lower 95 % confidence limit")
        yield Column(f"{name}_ci95_high", "number", "upper 95 % confidence limit")


READER_SCORES = Table(
    "reader_scores",
    "item x pair of readings",
    (
        Column("item", "string", "what was judged; empty where there is one thing"),
        Column(
            "comparison",
            "string",
            "two readers, two occasions of one reader, a reader and the truth, or all readers",
            ("readers", "occasions", "truth", "all"),
        ),
        Column("a", "string", "first reader, the one reader, or all"),
        Column("b", "string", "second reader; empty for one reader"),
        Column("occasion", "string", "occasion, or the earlier one"),
        Column("later_occasion", "string", "later occasion of one reader"),
        Column("n_cases", "integer", "cases with both readings"),
        Column("n_left_out", "integer", "cases with one of them only"),
        Column("n_agree", "integer", "cases with one category"),
        *_estimate_columns(),
        Column("status", "string", "whether anything can be said", ("ok", "undefined")),
        Column("reason", "string", "why something is missing"),
    ),
    ("item", "comparison", "a", "b", "occasion", "later_occasion"),
)

_NO_ORDER = "the categories have no order: say it with --order"
_ONE_CATEGORY = "both have one category alone: there is no chance to beat"


@dataclass(frozen=True)
class ScoreRules:
    """How readings are compared.

    Attributes
    ----------
    orders : mapping
        Item -> its categories in order; empty item for every other.
    positive : str
        Category from which on a case is called positive; empty for none.
    """

    orders: Mapping[str, Sequence[str]]
    positive: str = ""


def score_rows(
    scores: Scores, truth: Mapping[str, Mapping[str, str]], rules: ScoreRules
) -> list[dict[str, Any]]:
    """Return the rows of `READER_SCORES`.

    Parameters
    ----------
    scores : Scores
    truth : mapping
        Item -> case -> category; empty for none. That without an item is of every item.
    rules : ScoreRules

    Raises
    ------
    InputNotFoundError
        ``SCORES-NO-PAIR`` where there is nothing to compare.
    AgreementError
        ``SCORE-CATEGORY``.
    """
    _require_items(rules.orders, scores.items)
    rows: list[dict[str, Any]] = []
    is_known = False
    for item in scores.items:
        readings = scores.of_item(item)
        true = truth.get(item) or truth.get("", {})
        words = [word for of in (*readings.values(), true) for word in of.values()]
        order = rules.orders.get(item) or rules.orders.get("", ())
        categories = categories_of(words, order, item)
        is_known |= rules.positive in categories.names
        of_item = _ItemRows(categories, rules.positive)
        found = [*of_item.pairs(readings), *of_item.all_readers(readings)]
        found += of_item.against(readings, true) if true else []
        rows += [{"item": item} | row for row in found]
    if rules.positive and not is_known:
        raise AgreementError(
            "SCORE-CATEGORY",
            f"{quoted(rules.positive)} is no category of any item",
            hint="Say with --positive the least category that is positive.",
        )
    if not rows:
        raise InputNotFoundError(
            "SCORES-NO-PAIR",
            "expected two readers, two occasions or a truth, found one reading",
            hint="Name a table with several readers, or the truth with --truth.",
        )
    return rows


def _require_items(orders: Iterable[str], items: Sequence[str]) -> None:
    """Refuse an order of what nobody has judged."""
    unknown = sorted(set(orders) - {"", *items})
    if unknown:
        raise AgreementError(
            "SCORE-CATEGORY",
            f"an order is said of {', '.join(map(quoted, unknown))}, of which there is no score",
            hint=f"The items are {', '.join(map(quoted, items))}." if any(items) else "",
        )


class _ItemRows:
    """Makes the rows of one item.

    Parameters
    ----------
    categories : Categories
    positive : str
    """

    def __init__(self, categories: Categories, positive: str) -> None:
        self._categories = categories
        self._positive = positive

    def pairs(self, readings: Mapping[ScoreReading, Mapping[str, str]]) -> Iterator[dict[str, Any]]:
        """Yield each pair of readers on one occasion, and of occasions of one reader."""
        for (one, first), (other, second) in combinations(readings.items(), 2):
            if one.occasion == other.occasion:
                head = {"comparison": "readers", "a": one.reader_id, "b": other.reader_id}
            elif one.reader_id == other.reader_id:
                head = {"comparison": "occasions", "a": one.reader_id, "b": ""}
            else:
                continue
            later = other.occasion if one.occasion != other.occasion else ""
            row = head | {"occasion": one.occasion, "later_occasion": later}
            yield row | self._compared(first, second, is_change=bool(later))

    def against(
        self, readings: Mapping[ScoreReading, Mapping[str, str]], true: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        """Yield each reading with the truth."""
        for one, first in readings.items():
            row = {"comparison": "truth", "a": one.reader_id, "b": "", "occasion": one.occasion}
            row |= self._compared(first, true, is_change=False)
            yield row | self._judged(first, true)

    def all_readers(
        self, readings: Mapping[ScoreReading, Mapping[str, str]]
    ) -> Iterator[dict[str, Any]]:
        """Yield the agreement of all readers of an occasion, where there are three or more."""
        for occasion in dict.fromkeys(one.occasion for one in readings):
            chosen = [cases for one, cases in readings.items() if one.occasion == occasion]
            if len(chosen) < 3:
                continue
            everywhere = sorted({case for cases in chosen for case in cases})
            whole = [case for case in everywhere if all(cases.get(case) for cases in chosen)]
            row: dict[str, Any] = {
                "comparison": "all",
                "a": "all",
                "b": "",
                "occasion": occasion,
                "n_cases": len(whole),
                "n_left_out": len(everywhere) - len(whole),
            }
            if not whole:
                yield row | {"status": "undefined", "reason": "no case has every reading"}
                continue
            counts = np.zeros((len(whole), len(self._categories.names)))
            for line, case in enumerate(whole):
                for cases in chosen:
                    counts[line, self._categories.place(cases[case])] += 1
            n_agree = int((counts.max(axis=1) == len(chosen)).sum())
            value = fleiss_kappa(counts)
            row |= _told("agreement", clopper_pearson(n_agree, len(whole)))
            row |= _told("kappa", None if value is None else Estimate(value))
            why = "" if value is not None else _ONE_CATEGORY
            yield row | {"n_agree": n_agree, "status": "ok", "reason": why}

    def _compared(
        self, first: Mapping[str, str], second: Mapping[str, str], *, is_change: bool
    ) -> dict[str, Any]:
        shared = sorted(case for case in first if first[case] and second.get(case))
        either = {case for of in (first, second) for case, word in of.items() if word}
        row: dict[str, Any] = {"n_cases": len(shared), "n_left_out": len(either) - len(shared)}
        if not shared:
            return row | {"status": "undefined", "reason": "no case has both readings"}
        counts = self._counts([(first[case], second[case]) for case in shared])
        n_agree = int(np.trace(counts))
        row |= {"n_agree": n_agree, "status": "ok"}
        row |= _told("agreement", clopper_pearson(n_agree, len(shared)))
        if is_change:
            row |= _told("changed", clopper_pearson(len(shared) - n_agree, len(shared)))
        size = len(self._categories.names)
        plain = kappa(counts, agreement_weights(size, "equal"))
        row |= _told("kappa", plain)
        if plain is None:
            return row | {"reason": _ONE_CATEGORY}
        if not self._categories.is_ordered:
            return row | {"reason": _NO_ORDER}
        row |= _told("kappa_linear", kappa(counts, agreement_weights(size, "linear")))
        return row | _told("kappa_quadratic", kappa(counts, agreement_weights(size, "quadratic")))

    def _counts(self, pairs: Sequence[tuple[str, str]]) -> FloatArray:
        size = len(self._categories.names)
        counts = np.zeros((size, size))
        for one, other in pairs:
            counts[self._categories.place(one), self._categories.place(other)] += 1
        return counts

    def _judged(self, first: Mapping[str, str], true: Mapping[str, str]) -> dict[str, Any]:
        """Return sensitivity and specificity, where somebody says what is positive."""
        if not self._positive or self._positive not in self._categories.names:
            return {}
        shared = [case for case in first if first[case] and true.get(case)]
        called = {case: self._is_positive(first[case]) for case in shared}
        sick = [case for case in shared if self._is_positive(true[case])]
        well = [case for case in shared if not self._is_positive(true[case])]
        row: dict[str, Any] = {}
        if sick:
            hits = sum(called[case] for case in sick)
            row |= _told("sensitivity", clopper_pearson(hits, len(sick)))
        if well:
            hits = sum(not called[case] for case in well)
            row |= _told("specificity", clopper_pearson(hits, len(well)))
        return row

    def _is_positive(self, word: str) -> bool:
        if not self._categories.is_ordered:
            return word == self._positive
        return self._categories.place(word) >= self._categories.place(self._positive)


def _told(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {}
    return {
        name: estimate.value,
        f"{name}_ci95_low": estimate.low,
        f"{name}_ci95_high": estimate.high,
    }
