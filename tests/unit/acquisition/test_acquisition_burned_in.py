"""Text in the pixels is a fact where the header tells it, and silence is no answer."""

from __future__ import annotations

import pytest
from synthetic_acquisitions import instance, series_of

from biomarker_cli.acquisition.header_facts import header_facts


def told(*words):
    more = [{"BurnedInAnnotation": word} if word is not None else {} for word in words]
    series = series_of([instance(n, "CT", **one) for n, one in enumerate(more)])
    return [
        (fact.value, fact.tags, sorted(fact.flags))
        for fact in header_facts(series)
        if fact.fact == "burned_in_annotation"
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((None, None), []),
        (("YES", "YES"), [("YES", "(0028,0301)", [])]),
        (("NO", "NO"), [("NO", "(0028,0301)", [])]),
        (("NO", "YES"), [("NO\\YES", "(0028,0301)", ["fact_varies"])]),
        (("YES", None), [("YES", "(0028,0301)", ["fact_incomplete"])]),
    ],
)
def test_burned_in_annotation_is_listed_where_it_is_told(words, expected):
    assert told(*words) == expected
