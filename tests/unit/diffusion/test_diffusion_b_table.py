"""The table of b-values: what each volume has, and who said so."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset
from synthetic_dwi import ADC_MM2_S, Spec, candidates, write_dwi

from biomarker_cli.diffusion.b_table import b_value_rows
from biomarker_cli.diffusion.volumes import describe_volumes


def _as_map(dataset: Dataset) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]


def test_each_volume_has_its_b_value_and_a_map_has_none(tmp_path: Path) -> None:
    specs = [
        Spec(0.0),
        Spec(798.0, (1.0, 0.0, 0.0)),
        Spec(802.0, (0.0, 1.0, 0.0)),
        # Its element means nothing.
        Spec(500.0, array=1e6 * ADC_MM2_S, change=_as_map),
    ]
    write_dwi(tmp_path, specs)
    rows = [row.as_dict() for row in b_value_rows(describe_volumes(candidates(tmp_path)))]
    by_b = {(row["b_value"], row["kind"]): row for row in rows}
    assert len(rows) == 4
    first = by_b[0.0, "b0"]
    assert (first["b_nominal"], first["b_actual"], first["n_frames"]) == (0.0, 0.0, 3)
    assert (first["tag"], first["rule"]) == ("(0018,9087)", "standard")
    for b, direction in ((798.0, (1.0, 0.0, 0.0)), (802.0, (0.0, 1.0, 0.0))):
        row = next(row for row in rows if row["b_value"] == b)
        assert (row["b_nominal"], row["b_actual"]) == (800.0, b)
        assert row["direction"] == direction
        assert row["tag"] == "(0018,9087)"
    (adc,) = (row for row in rows if row["kind"] == "adc_map")
    assert (adc["b_value"], adc["b_nominal"], adc["b_actual"]) == (None, None, None)
    assert (adc["tag"], adc["rule"]) == ("", "")
    assert {row["series_uid"] for row in rows} == {first["series_uid"]}
    assert len({row["volume_id"] for row in rows}) == 4


def test_a_volume_without_b_value_has_no_row_of_another(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(None), Spec(float("nan"))])
    rows = b_value_rows(describe_volumes(candidates(tmp_path)))
    assert [(row.b_value, row.b_nominal, row.b_actual) for row in rows] == [(None,) * 3] * len(rows)
