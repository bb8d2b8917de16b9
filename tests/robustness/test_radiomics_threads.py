"""The same bits from any number of threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics import threads as threads_of_radiomics
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules


def test_threads_do_not_move_a_bit():
    rng = np.random.default_rng(3)
    shape = (16, 30, 30)
    geometry = Geometry(shape, (1.1, 1.1, 2.0))
    volume = Volume(rng.normal(0, 60, shape), geometry, HU)
    mask = rng.random(shape) < 0.7
    region = Region(mask, geometry, "x", "x")
    document = load_document(ProtocolKind.ANALYSIS, "radiomics-ct")
    rules = validate_section(RadiomicsRules, document, "radiomics")

    def values(_=None):
        rows = radiomics_measurements(volume, [region], rules)["x"]
        return [(row.feature_id, row.value) for row in rows]

    first = values()
    with ThreadPoolExecutor(2) as pool:
        assert all(found == first for found in pool.map(values, range(5)))


def test_linear_algebra_takes_one_thread():
    from threadpoolctl import threadpool_info

    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    # Other tests have loaded a BLAS of scipy since, which no feature uses.
    threads_of_radiomics._controller.cache_clear()
    before = threads()
    with threads_of_radiomics.one_thread_of_blas():
        assert threads() == {1}
    assert threads() == before
