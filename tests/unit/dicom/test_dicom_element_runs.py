"""Runs take what two files have in common, and nothing else."""

import numpy as np
from synthetic_series import slice_dataset, write

from biomarker_cli.dicom.element_runs import KEY_BYTES, MOST_LESSONS, KnownRuns
from biomarker_cli.dicom.element_walk import ElementWalk
from biomarker_cli.dicom.windows import FileWindow


def _located(*texts, vr=b"LO"):
    return {0x00100010 + n: (vr, text) for n, text in enumerate(texts)}


def _stored(located):
    content = b""
    for tag, (vr, value) in located.items():
        content += (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        content += vr + len(value).to_bytes(2, "little") + value
    return content


def _known(*files):
    runs = KnownRuns()
    for file in files:
        runs.learn(file)
    return runs


def _tags(runs):
    return sorted(run.tags for run in runs.by_start.values())


def test_one_file_teaches_nothing_two_what_they_share():
    one = _located(b"aa", b"bb", b"long", b"dd", b"ee")
    other = _located(b"xx", b"yy", b"longer", b"zz", b"vv")
    assert _known(one).by_start == {}
    assert _tags(_known(one, other)) == [(0x00100010, 0x00100011), (0x00100013, 0x00100014)]


def test_a_run_gives_the_values_of_the_file_at_hand():
    runs = _known(_located(b"aa", b"bbbb"), _located(b"cc", b"dddd"))
    run, values = runs.take(b"...." + _stored(_located(b"ee", b"ffff")), 4)
    assert run.tags == (0x00100010, 0x00100011)
    assert run.vrs == (b"LO", b"LO")
    assert values == (b"ee", b"ffff")


def test_a_run_is_parted_where_a_file_differs():
    same = _located(*[b"aa"] * 6)
    runs = _known(same, same)
    content = _stored(_located(b"aa", b"aa", b"other", b"aa", b"aa", b"aa"))
    run, values = runs.take(content, 0)
    assert run.tags == (0x00100010, 0x00100011)
    assert values == (b"aa", b"aa")
    first, second = _tags(runs)
    assert (first, second[0], len(second)) == (run.tags, 0x00100013, 3)


def test_nothing_is_taken_beyond_the_end():
    same = _located(b"aa", b"bb", b"cc")
    runs = _known(same, same)
    assert runs.take(_stored(same)[:-1], 0) is None
    assert _stored(same)[:KEY_BYTES] in runs.by_start


def test_another_vr_is_another_element():
    runs = _known(_located(b"12", b"34"), _located(b"12", b"34"))
    assert runs.take(_stored(_located(b"12", b"34", vr=b"DS")), 0) is None


def test_files_without_anything_in_common_are_given_up():
    runs = KnownRuns()
    for length in range(MOST_LESSONS + 4):
        runs.learn(_located(*[b"x" * (length + 1)] * 4))
    assert runs.by_start == {}
    runs.learn(_located(b"aa", b"bb"))
    runs.learn(_located(b"aa", b"bb"))
    assert runs.by_start == {}


def test_most_elements_of_the_third_file_of_a_series_come_in_runs(tmp_path, monkeypatch):
    walk = ElementWalk()
    taken = []
    original = KnownRuns.take

    def spy(self, buffer, at):
        found = original(self, buffer, at)
        taken.extend(found[1] if found else ())
        return found

    monkeypatch.setattr(KnownRuns, "take", spy)
    for number in range(4):
        pixels = np.zeros((4, 5), dtype=np.int16)
        path = write(slice_dataset((0, 0, number * 50), pixels, number=number), tmp_path / "a.dcm")
        taken.clear()
        with path.open("rb") as file:
            elements = walk.locate(FileWindow(file.fileno(), path.stat().st_size)).elements
        if number > 1:
            assert len(taken) > 0.7 * len(elements)
