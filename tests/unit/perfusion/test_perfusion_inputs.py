"""Input functions: beyond the published table, and a table that the protocol holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from perfusion_cases import dce_rules, measured_dce
from synthetic_dce import HAEMATOCRIT, Truth, Written, siemens, write_dynamic

from biomarker_cli.perfusion.population_inputs import georgiou_blood, parker_blood

TRUTH = Truth(n=50)


def test_georgiou_goes_on_where_its_table_ends():
    end = georgiou_blood(np.array([4.999, 5.0, 5.001]))
    assert end == pytest.approx(0.64931, rel=1e-3)
    late = georgiou_blood(np.linspace(5.0, 20.0, 200))
    assert (np.diff(late) < 0).all()


def test_georgiou_is_eliminated_at_its_slowest_rate_in_the_end():
    # The passes of the bolus have become one level by then: 0.11 /min alone is left.
    early, late = georgiou_blood(np.array([8.0, 12.0]))
    assert late / early == pytest.approx(math.exp(-0.11 * 4.0), rel=2e-3)


def test_georgiou_does_not_depend_on_the_other_times():
    together = georgiou_blood(np.array([1.0, 6.0, 30.0]))
    alone = [georgiou_blood(np.array([t]))[0] for t in (1.0, 6.0, 30.0)]
    assert together.tolist() == alone


@pytest.mark.parametrize("medium", ["blood", "plasma"])
def test_a_table_of_the_protocol_gives_the_truth(medium, tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH)))
    times_s = np.arange(0.0, 150.0)
    values = parker_blood(times_s / 60.0)
    if medium == "plasma":
        values = values / (1.0 - HAEMATOCRIT)
    table = {
        "source": "table",
        "name": f"mine_{medium}",
        "times_s": times_s.tolist(),
        "concentration_mm": values.tolist(),
    }
    rows = measured_dce(tmp_path, dce_rules(model_aif=table))["tumour"]
    assert rows["ktrans_etofts.perfusion.region"].value == pytest.approx(0.2, rel=5e-3)
    assert rows["vp_etofts.perfusion.region"].value == pytest.approx(0.02, rel=2e-2)
