"""Which applied b-values are one nominal value."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest
from synthetic_dwi import Spec, candidates, write_dwi

from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.dicom.b_dialects import BValue
from biomarker_cli.dicom.nominal_b import b_clusters, is_same_b, nominal_of
from biomarker_cli.diffusion.dwi_set import assemble


@pytest.mark.parametrize(
    ("lowest", "value", "same"),
    [
        (0.0, 0.004, True),
        (0.0, 4.9, True),
        (0.0, 5.0, False),
        (995.0, 1010.0, True),
        (1000.0, 1020.0, False),
        (50.0, 54.0, True),
        (50.0, 60.0, False),
    ],
)
def test_closer_than_five_or_two_percent(lowest: float, value: float, same: bool) -> None:
    assert is_same_b(value, lowest) is same


@pytest.mark.parametrize(
    ("cluster", "nominal"),
    [([0.0, 0.001, 0.002], 0.0), ([998.0, 1003.0], 1000.0), ([47.0, 49.0], 50.0)],
)
def test_the_name_is_the_mean_rounded_to_five(cluster: list[float], nominal: float) -> None:
    assert nominal_of(cluster) == nominal


def said(value: float, console: float | None = None) -> BValue:
    return BValue(value, "(0018,9087)", "standard", console)


@pytest.mark.parametrize(
    ("found", "clusters"),
    [
        ([said(1000.0), said(0.002), said(0.0)], [(0.0, (2, 1)), (1000.0, (0,))]),
        # The lowest of a cluster decides, not its neighbour.
        ([said(b) for b in (0.0, 4.0, 8.0)], [(0.0, (0, 1)), (10.0, (2,))]),
        # Every value counts in the mean.
        ([said(b) for b in (995.0, 1010.0, 1010.0, 1010.0)], [(1005.0, (0, 1, 2, 3))]),
        # Values of the console are one where they are equal, however far the applied ones are.
        ([said(929.75, 1000.0), said(1001.0, 1000.0)], [(1000.0, (0, 1))]),
        ([said(800.0, 800.0), said(801.0, 810.0)], [(800.0, (0,)), (810.0, (1,))]),
        # A value without console belongs to the one that it is close to.
        ([said(798.0), said(800.0, 800.0)], [(800.0, (0, 1))]),
    ],
)
def test_clusters(found: list[BValue], clusters: list[tuple[float, tuple[int, ...]]]) -> None:
    assert [(c.nominal, c.members) for c in b_clusters(found)] == clusters


@pytest.mark.parametrize(
    "b_values", [(0, 5, 10, 800), (0, 0.002, 4, 8, 1000), (0, 995, 1010, 1010.5)]
)
def test_rules_and_maps_see_the_same_b_values(tmp_path: Path, b_values: tuple[float, ...]) -> None:
    directions = cycle([(1, 0, 0), (0, 1, 0), (0, 0, 1)])
    write_dwi(tmp_path, [Spec(b, next(directions)) if b >= 5 else Spec(b) for b in b_values])
    (series,) = series_headers(scan([tmp_path]))
    shells = assemble(candidates(tmp_path)).shells
    assert FACTS.get("b_values").read(series).values == (tuple(s.nominal for s in shells),)
