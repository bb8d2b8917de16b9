"""The volumes of a series do not depend on names, folders or the order of its files."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_series import axial, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.catalogue.rows import volume_columns
from biomarker_cli.catalogue.splitting import cluster

NO_INDEX = FileIndex(None)


def _write_mixture(folder: Path) -> list[Path]:
    """Two phases, two echoes, a localiser, a gap and an exact copy."""

    def phase(index, dataset):
        dataset.AcquisitionNumber = 1 + index // 3

    def echo(index, dataset):
        dataset.Modality, dataset.EchoTime = "MR", 10.0 * (1 + index % 2)

    def turned(index, dataset):
        if index == 2:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    paths = [
        *write_series(folder, axial(0, 3, 6, 0, 3, 6), series="phases", change=phase),
        *write_series(folder, axial(0, 0, 3, 3), series="echoes", change=echo),
        *write_series(folder, axial(0, 3, 9), series="turned", change=turned),
        *write_series(folder, axial(0, 3, 9, 12), series="gap"),
        *write_series(folder, axial(0, 3, 6), series="copied"),
    ]
    shutil.copy(paths[-1], folder / "copy.dcm")
    return [*paths, folder / "copy.dcm"]


def _volumes(folder: Path):
    found = {}
    for c in scan([folder], index=NO_INDEX).volumes:
        pixels = read_volume(c).array if c.status == "ok" else None
        refs = tuple(ref.sop_instance_uid for ref in c.refs)
        row = {k: v for k, v in volume_columns(c).items() if k != "error_message"}
        found[c.volume_id] = (row, refs, c.flags, c.geometry, pixels)
    return found


def _assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name in ours:
        *facts, pixels = ours[name]
        *other_facts, other_pixels = theirs[name]
        assert facts == other_facts
        assert (pixels is None) == (other_pixels is None)
        assert pixels is None or np.array_equal(pixels, other_pixels)


@given(st.data())
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_names_folders_and_order_make_no_difference(tmp_path_factory, data):
    base = tmp_path_factory.mktemp("base")
    paths = _write_mixture(base)
    expected = _volumes(base)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        order = data.draw(st.permutations(range(len(paths))))
        places = data.draw(
            st.lists(st.sampled_from(["", "a", "b/c"]), min_size=len(paths), max_size=len(paths))
        )
        for number, place, source in zip(order, places, paths, strict=True):
            target = folder / place / f"{number:05d}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        _assert_equal(_volumes(folder), expected)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.randoms())
@settings(deadline=None, max_examples=200)
def test_clusters_depend_on_the_values_alone(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    found = cluster(values, 0.5)
    assert cluster(shuffled, 0.5) == found
    assert all(abs(value - head) <= 0.5 for value, head in found.items())
    assert set(found) == set(values)


@given(
    st.integers(2, 12),
    st.floats(0.5, 10),
    st.floats(-500, 500),
    st.randoms(),
)
@settings(deadline=None, max_examples=20)
def test_a_regular_stack_is_read_and_a_missing_slice_never(count, spacing, start, random):
    heights = [round(start + k * spacing, 4) for k in range(count + 2)]
    with tempfile.TemporaryDirectory() as name:
        shuffled = list(heights)
        random.shuffle(shuffled)
        write_series(Path(name), axial(*shuffled), rows=2, columns=2)
        (volume,) = scan([Path(name)], index=NO_INDEX).volumes
        assert volume.status == "ok"
        assert abs(volume.geometry.spacing_mm[2] - spacing) < 1e-3
        missing = random.choice(sorted(Path(name).iterdir())[0:])
        gone = shuffled[int(missing.stem.split("_")[1])]
        missing.unlink()
        (volume,) = scan([Path(name)], index=NO_INDEX).volumes
        inner = min(heights) < gone < max(heights)
        assert volume.error_code == ("SERIES-GAP" if inner and count + 1 > 2 else "")
