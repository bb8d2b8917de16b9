"""Volumes that are no samples of one decay: of other times, gains, corrections or directions."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_dwi import S0, SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.adc import adc_maps
from biomarker_cli.diffusion.direction_scheme import LARGEST_OF_TRACE, imbalance
from biomarker_cli.diffusion.dwi_set import assemble
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.model.errors import BiomarkerError

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
RULES = AdcRules.model_validate(
    {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"]}
)
GOLDEN = (1.0 + 5.0**0.5) / 2.0
ICOSAHEDRON = [
    tuple(np.array(v) / np.hypot(1.0, GOLDEN))
    for v in (
        (0, 1, GOLDEN),
        (0, 1, -GOLDEN),
        (1, GOLDEN, 0),
        (1, -GOLDEN, 0),
        (GOLDEN, 0, 1),
        (-GOLDEN, 0, 1),
    )
]


def with_elements(only_z=None, **elements):
    def change(dataset):
        if only_z is None or float(dataset.ImagePositionPatient[2]) == only_z:
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)

    return change


def fitted(folder, *series):
    """Return the map of the series, each written under a name of its own."""
    for number, specs in enumerate(series):
        write_dwi(folder / str(number), specs, series=f"dwi{number}")
    (found,) = adc_maps(assemble(candidates(folder)), RULES)
    return found


def code_of(folder, *series):
    with pytest.raises(BiomarkerError) as caught:
        fitted(folder, *series)
    return caught.value.code


@pytest.mark.parametrize(
    ("elements", "code"),
    [({"RepetitionTime": 2000.0}, "ADC-MIXED-TR"), ({"FlipAngle": "30"}, "ADC-MIXED-FLIP")],
)
def test_every_slice_is_looked_at(tmp_path, elements, code):
    same = {"RepetitionTime": 4000.0, "FlipAngle": "90"}
    first = Spec(0.0, change=with_elements(**same))
    odd = Spec(
        1000.0, change=lambda d: (with_elements(**same)(d), with_elements(6.0, **elements)(d))
    )
    assert code_of(tmp_path / "odd", [first, odd]) == code
    fitted(tmp_path / "same", [first, Spec(1000.0, change=with_elements(**same))])


def test_volumes_of_two_flip_angles_are_refused(tmp_path):
    specs = [
        Spec(b, change=with_elements(FlipAngle=flip)) for b, flip in ((0.0, "90"), (1000.0, "30"))
    ]
    assert code_of(tmp_path, specs) == "ADC-MIXED-FLIP"


def test_an_image_with_and_one_without_correction_are_no_repeats(tmp_path):
    def series(*words):
        typed = with_elements(ImageType=["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", *words])
        return [Spec(0.0, change=typed), Spec(1000.0, X, change=typed)]

    assert code_of(tmp_path / "a", series("ND"), series("NORM", "ND")) == "ADC-MIXED-PROCESSING"
    assert code_of(tmp_path / "b", series("NORM"), series("MOCO", "NORM")) == "ADC-MIXED-PROCESSING"
    fitted(tmp_path / "c", series("NORM", "DIS2D"), series("DIS2D", "NORM"))


def test_series_that_were_received_with_two_gains_are_refused(tmp_path):
    def gain(analog):
        def change(dataset):
            block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
            block.add_new(0x95, "SS", analog)
            block.add_new(0x96, "SS", 15)

        return change

    def series(*gains):
        return [[Spec(b, change=gain(g))] for b, g in zip((0.0, 1000.0), gains, strict=True)]

    assert code_of(tmp_path / "two", *series(11, 13)) == "ADC-MIXED-SCALING"
    fitted(tmp_path / "one", *series(13, 13))


@pytest.mark.parametrize(
    ("sequence", "maker", "is_refused"),
    [
        ("*ep_b1000t", "SIEMENS", False),
        ("*ep_b1000#3", "SIEMENS", False),
        ("*ep_b990", "Siemens Healthineers", False),
        ("ep2d_diff", "SIEMENS", False),
        ("*ep_b800t", "TOSHIBA", False),
        ("*ep_b600t", "SIEMENS", True),
        ("*ep_b0", "SIEMENS", True),
    ],
)
def test_the_name_of_a_sequence_is_a_witness_of_b(tmp_path, sequence, maker, is_refused):
    named = with_elements(Manufacturer=maker, SequenceName=sequence)
    specs = [Spec(0.0, change=with_elements(Manufacturer=maker)), Spec(1000.0, change=named)]
    if is_refused:
        assert code_of(tmp_path, specs) == "ADC-B-CONFLICT"
    else:
        fitted(tmp_path, specs)


def test_a_b_of_zero_is_held_against_the_name_of_its_sequence(tmp_path):
    named = with_elements(Manufacturer="SIEMENS", SequenceName="*ep_b800t")
    specs = [Spec(0.0, change=named), Spec(1000.0, change=with_elements(Manufacturer="SIEMENS"))]
    assert code_of(tmp_path, specs) == "ADC-B-CONFLICT"


@pytest.mark.parametrize(
    ("directions", "is_flagged"),
    [
        ([X, Y, Z], False),
        (ICOSAHEDRON, False),
        ([X, Y], True),
        ([X], True),
        (ICOSAHEDRON[:5], True),
    ],
)
def test_a_fibre_is_measured_alike_however_it_lies_or_the_row_says_so(
    tmp_path, directions, is_flagged
):
    # A fibre along x: 1.7 along and 0.2 across it, 1e-3 mm2/s; its mean is 0.7.
    tensor = np.diag([1.7e-3, 0.2e-3, 0.2e-3])
    specs = [Spec(0.0, array=np.full(SHAPE, S0))]
    for n in map(np.array, directions):
        signal = S0 * np.exp(-1000.0 * float(n @ tensor @ n))
        specs.append(Spec(1000.0, tuple(n), array=np.full(SHAPE, signal)))
    found = fitted(tmp_path, specs)
    mean = float(found.volume.array.mean())
    assert ("directions_unbalanced" in found.volume.flags) is is_flagged
    if not is_flagged:
        assert mean == pytest.approx(0.7e-3, rel=1e-4)
    # The bound that the limit rests on: (2/3) of the anisotropy times the imbalance.
    second = imbalance(np.array(directions))[0]
    assert abs(mean - 0.7e-3) <= 2.0 / 3.0 * 1.5e-3 * second + 1e-8
    assert (second > LARGEST_OF_TRACE) is is_flagged


def test_only_the_directions_that_are_fitted_count(tmp_path):
    specs = [Spec(0.0), *(Spec(500.0, n) for n in (X, Y, Z)), Spec(2000.0, X)]
    write_dwi(tmp_path, specs)
    rules = AdcRules.model_validate(
        {
            "estimator": "lls",
            "b_set": {"kind": "low_and_high", "low_max": 100, "high_max": 1000},
            "statistics": ["mean"],
        }
    )
    (found,) = adc_maps(assemble(candidates(tmp_path)), rules)
    assert "directions_unbalanced" not in found.volume.flags
    (every,) = adc_maps(assemble(candidates(tmp_path)), RULES)
    assert "directions_unbalanced" in every.volume.flags
