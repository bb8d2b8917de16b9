"""Elements that enhanced objects hold under another name are the same facts."""

from __future__ import annotations

import pytest
from synthetic_acquisitions import instance, series_of

from biomarker_cli.acquisition.facts import FACTS

FACT_OF = {
    "EffectiveEchoTime": ("echo_time_ms", "MR", "(0018,9082)"),
    "InversionTimes": ("inversion_time_ms", "MR", "(0018,9079)"),
    "XRayTubeCurrentInmA": ("tube_current_ma", "CT", "(0018,9330)"),
}


@pytest.mark.parametrize("keyword", FACT_OF)
def test_a_fact_of_an_enhanced_object_is_read_under_its_name_there(keyword):
    name, modality, tag = FACT_OF[keyword]
    series = series_of([instance(n, modality, **{keyword: 83.5}) for n in range(2)])
    reading = FACTS.get(name).read(series)
    assert reading.values == (83.5, 83.5)
    assert reading.tags == (tag,)
    assert reading.n_missing == 0


def test_the_classic_name_goes_first_where_one_frame_has_it():
    series = series_of(
        [
            instance(0, "MR", EchoTime=70.0, EffectiveEchoTime=71.0),
            instance(1, "MR", EffectiveEchoTime=71.0),
        ]
    )
    reading = FACTS.get("echo_time_ms").read(series)
    assert (reading.values, reading.n_missing, reading.tags) == ((70.0,), 1, ("(0018,0081)",))
