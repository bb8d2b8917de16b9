"""From headers that contradict themselves to rows: right, flagged or refused, never silent."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from synthetic_dwi import S0, SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.adc import adc_maps
from biomarker_cli.diffusion.dwi_set import assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.measurement import Measurement

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
ADC = 1e-3
RULES = AdcRules.model_validate(
    {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean", "median"]}
)


def signal(b: float, adc: float = ADC) -> np.ndarray:
    return np.full(SHAPE, S0 * np.exp(-b * adc))


def ge(
    b: int, vector: Sequence[float], public: float | None = None, flag: int = 16
) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.Manufacturer = "GE MEDICAL SYSTEMS"
        private = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
        private.add_new(0x39, "IS", [b, 8, 0, 0])
        private.add_new(0x30, "SS", 14 if b == 0 else flag)
        dataset.private_block(0x0021, "GEMS_RELA_01", create=True).add_new(0x5A, "SL", 16)
        block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
        for offset, value in zip((0xBB, 0xBC, 0xBD), vector, strict=True):
            block.add_new(offset, "DS", f"{value:.6f}")
        if public is not None:
            dataset.DiffusionBValue = public

    return change


def ge_series(*volumes: tuple[float, Callable[[Dataset], None]]) -> list[Spec]:
    """Return volumes by the b-value that was applied, and what GE wrote of it."""
    return [Spec(None, array=signal(b), change=change) for b, change in volumes]


def scaled(vector: Sequence[float], squared: float) -> tuple[float, ...]:
    return tuple(v * squared**0.5 for v in vector)


def refused(folder: Path, specs: Sequence[Spec]) -> BiomarkerError:
    write_dwi(folder, specs)
    with pytest.raises(BiomarkerError) as caught:
        assemble(candidates(folder))
    return caught.value


def rows(folder: Path, rules: AdcRules = RULES) -> dict[str, Measurement]:
    maps = diffusion_maps(candidates(folder), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    return {row.feature_id: row for row in map_measurements(maps, region, rules)}


def test_ge_multi_shell_by_shortened_vectors_has_the_true_adc_and_a_flag(tmp_path: Path) -> None:
    third = [(1000.0, ge(3000, scaled(v, 1 / 3))) for v in (X, Y, Z)]
    full = [(3000.0, ge(3000, v)) for v in (X, Y, Z)]
    write_dwi(tmp_path, ge_series((0.0, ge(0, (0, 0, 0))), *third, *full))
    dwi = assemble(candidates(tmp_path))
    assert [shell.nominal for shell in dwi.shells] == [0.0, 1000.0, 3000.0]
    assert [len(shell.groups) for shell in dwi.shells] == [1, 3, 3]
    mean = rows(tmp_path)["adc.intensity.mean"]
    assert mean.value == pytest.approx(ADC, rel=1e-3)
    assert "b_from_gradient_length" in mean.flags


def test_ge_single_shell_carries_no_flag_of_scaling(tmp_path: Path) -> None:
    write_dwi(tmp_path, ge_series((0.0, ge(0, (0, 0, 0))), (1000.0, ge(1000, X, 1000.0))))
    mean = rows(tmp_path)["adc.intensity.mean"]
    assert mean.value == pytest.approx(ADC, rel=1e-3)
    assert "b_from_gradient_length" not in mean.flags


def test_elements_that_contradict_are_refused_with_both_names(tmp_path: Path) -> None:
    specs = ge_series((0.0, ge(0, (0, 0, 0))), *[(1000.0, ge(1000, v, 3000.0)) for v in (X, Y, Z)])
    error = refused(tmp_path, specs)
    assert error.code == "ADC-B-CONFLICT"
    assert "(0018,9087)" in str(error)
    assert "(0043,xx39)" in str(error)


def test_one_slice_that_contradicts_is_found_wherever_it_lies(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(1000, X)])
    for number in range(SHAPE[0]):
        folder = tmp_path / f"slice_{number}"
        count = iter(range(SHAPE[0]))

        def odd_slice(dataset: Dataset, count=count, number=number) -> None:
            b = 500 if next(count) == number else 1000
            dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(
                0x0C, "IS", str(b)
            )

        error = refused(folder, [Spec(0), Spec(1000, X, change=odd_slice)])
        assert error.code == "ADC-B-CONFLICT"


def test_a_zero_vector_beside_directions_is_a_combined_image_and_left_out(tmp_path: Path) -> None:
    # Its signal is that of b = 0: taken for a direction it would halve the ADC.
    wrong = Spec(None, array=signal(0.0), change=ge(1000, (0, 0, 0)))
    right = ge_series((0.0, ge(0, (0, 0, 0))), *[(1000.0, ge(1000, v)) for v in (X, Y, Z)])
    write_dwi(tmp_path, [*right, wrong])
    mean = rows(tmp_path)["adc.intensity.mean"]
    assert mean.value == pytest.approx(ADC, rel=1e-3)
    assert "trace_left_out" in mean.flags


def test_a_zero_vector_alone_is_weighted_by_its_b_and_never_b0(tmp_path: Path) -> None:
    write_dwi(tmp_path, ge_series((0.0, ge(0, (0, 0, 0))), (1000.0, ge(1000, (0, 0, 0)))))
    assert rows(tmp_path)["adc.intensity.mean"].value == pytest.approx(ADC, rel=1e-3)


def _without_b(dataset: Dataset) -> None:
    if "DiffusionBValue" in dataset:
        del dataset.DiffusionBValue


@pytest.mark.parametrize("word", ["direction", "isotropic"])
def test_a_weighted_volume_that_lost_its_b_is_not_b0(tmp_path: Path, word: str) -> None:
    def lost(dataset: Dataset) -> None:
        _without_b(dataset)
        if word == "isotropic":
            dataset.DiffusionDirectionality = "ISOTROPIC"

    direction = Y if word == "direction" else None
    specs = [Spec(0), Spec(1000, X), Spec(1000, direction, signal(1000), lost)]
    assert refused(tmp_path, specs).code == "ADC-MISSING-B"


@pytest.mark.parametrize("b", [-1.0, -1000.0, float("nan"), float("inf"), 1e300, 2e5])
def test_an_impossible_b_is_refused(tmp_path: Path, b: float) -> None:
    specs = [Spec(0), Spec(800), Spec(b, array=signal(0))]
    assert refused(tmp_path, specs).code == "ADC-B-INVALID"


def test_a_decimal_comma_is_refused_with_the_text_found(tmp_path: Path) -> None:
    def comma(dataset: Dataset) -> None:
        _without_b(dataset)
        dataset.Manufacturer = "TOSHIBA_MEC"
        dataset.ImageComments = "b=800,5(0.4,0,0.9)"

    def tagged(dataset: Dataset) -> None:
        dataset.Manufacturer = "TOSHIBA_MEC"

    specs = [Spec(0, change=tagged), Spec(400, change=tagged), Spec(None, None, signal(800), comma)]
    error = refused(tmp_path, specs)
    assert error.code == "ADC-B-INVALID"
    assert "800,5" in str(error)


def test_b0_alone_is_no_diffusion_set(tmp_path: Path) -> None:
    error = refused(tmp_path, [Spec(0), Spec(0.001), Spec(0.002)])
    assert error.code == "ADC-SINGLE-B"


def philips(scale_slope: float, acquisition: int = 1) -> Callable[[Dataset], None]:
    """Write Philips images: what is stored is the true value x SS."""

    def change(dataset: Dataset) -> None:
        dataset.Manufacturer = "Philips Medical Systems"
        dataset.AcquisitionNumber = acquisition
        shown = float(dataset.RescaleSlope)
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", scale_slope)
        stored = np.frombuffer(dataset.PixelData, "<u2") * shown * scale_slope
        dataset.PixelData = np.round(stored).astype("<u2").tobytes()

    return change


def test_one_b_twice_with_other_scale_slopes_is_one_signal(tmp_path: Path) -> None:
    b0 = Spec(0, array=signal(0), change=philips(4.0))
    factors = enumerate((2.0, 7.0), start=1)
    repeats = [Spec(800, array=signal(800), change=philips(f, n)) for n, f in factors]
    write_dwi(tmp_path, [b0, *repeats])
    assert rows(tmp_path)["adc.intensity.mean"].value == pytest.approx(ADC, rel=2e-3)


@pytest.mark.parametrize("scale_slope", [None, 0.0, -1.0, float("nan")])
def test_one_b_without_its_scale_slope_is_refused(tmp_path: Path, scale_slope) -> None:
    def lost(dataset: Dataset) -> None:
        philips(2.0, 2)(dataset)
        del dataset[0x2005, 0x100E]
        if scale_slope is not None:
            dataset.add_new((0x2005, 0x100E), "FL", scale_slope)

    specs = [Spec(0, change=philips(4.0)), Spec(800, change=philips(2.0)), Spec(800, change=lost)]
    assert refused(tmp_path, specs).code == "ADC-MIXED-SCALING"


@settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10**6), gain=st.floats(0.2, 0.99), n_series=st.integers(1, 3))
def test_names_order_series_and_gain_never_change_the_adc(
    tmp_path_factory: pytest.TempPathFactory, seed: int, gain: float, n_series: int
) -> None:
    folder = tmp_path_factory.mktemp("dwi")
    specs = [Spec(b, v) for b, v in ((0, None), (400, X), (400, Y), (1000, X), (1000, Y))]

    def louder(dataset: Dataset) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2") * gain
        dataset.PixelData = np.round(stored).astype("<u2").tobytes()

    write_dwi(folder / "plain", specs)
    plain = adc_maps(assemble(candidates(folder / "plain")), RULES)[0].volume.array
    changed = folder / "changed"
    parts = [
        [Spec(s.b, s.direction, change=louder) for s in specs[i::n_series]] for i in range(n_series)
    ]
    for index, part in enumerate(parts):
        write_dwi(changed, part, series=f"s{index}")
    files = sorted(changed.iterdir())
    names = list(range(len(files)))
    random.Random(seed).shuffle(names)
    for path, name in zip(files, names, strict=True):
        path.rename(changed / f"{name:05d}")
    found = adc_maps(assemble(candidates(changed)), RULES)[0].volume.array
    np.testing.assert_allclose(found, plain, rtol=2e-3)


@settings(deadline=None, max_examples=25)
@given(
    squared=st.floats(0.002, 3.0),
    maker=st.sampled_from(["GE", "GE public", "standard"]),
    b=st.sampled_from([600, 1000, 3000]),
)
def test_no_length_of_a_direction_gives_an_adc_that_differs(
    tmp_path_factory: pytest.TempPathFactory, squared: float, maker: str, b: int
) -> None:
    folder = tmp_path_factory.mktemp("dwi")
    applied = b * squared
    vectors = [scaled(v, squared) for v in (X, Y)]
    if maker == "standard":
        specs = [Spec(0), *[Spec(b, v, signal(applied, 5e-4)) for v in vectors]]
    else:
        public = float(b) if maker == "GE public" else None
        specs = [
            Spec(None, array=signal(0), change=ge(0, (0, 0, 0))),
            *[Spec(None, None, signal(applied, 5e-4), ge(b, v, public)) for v in vectors],
        ]
    write_dwi(folder, specs)
    try:
        found = adc_maps(assemble(candidates(folder)), RULES)[0].volume.array
    except AdcError:
        return  # refused by name; another error would fail the test
    np.testing.assert_allclose(found, 5e-4, rtol=0.03)
