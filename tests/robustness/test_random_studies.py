"""Random studies that change between runs: what stands in a folder is what a first run gives.

A study of tiny images goes through rounds of random changes (twins, swapped subjects, files
that come and go or are written over, masks that are none, broken rows, another order,
other analyses and terms). After each it is run into one folder: as a whole, in shards that
are merged, or taken up after it was interrupted. A run of the same study into an empty
folder, without any index, must give the same bytes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from synthetic_protocols import protocol_head
from synthetic_series import slice_dataset, uid, write

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.inputs import FINE_SETTLING_NS
from biomarker_cli.study import finishing
from biomarker_cli.study.merging import StudyPart, merge_shards, run_shard
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, RunReport, StudyRun, run_study
from biomarker_cli.study.shards import Shard
from biomarker_cli.study.store import ResultStore
from biomarker_cli.study.study_file import Study, load_study, with_key

SLOW = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
SEEDS = range(60 if SLOW else 3)
ROUNDS = 8 if SLOW else 5
GRID = Geometry((4, 6, 7), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0))
SMALL = Geometry((2, 6, 7), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0))
ANALYSIS = """\
extends: pyradiomics-default@1.0.0
radiomics:
  discretisation: {{method: fixed_bin_size, width: {width}, anchor: multiple_of_width}}
  families: [{family}]
"""
WIDTHS = (10, 25)
FAMILIES = {"one": "intensity", "two": "glcm", "three": "intensity_histogram"}
HEAD = "site_id,subject_id,timepoint,role,image,mask,quantity,rois"


class Trial:
    """A random study, with what its images and rows are now."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.rows: list[list[str]] = []
        self.terms = {"integrity": "refuse", "device": "digest"}
        self.analyses = ["one.yaml"]
        self.serial = 0
        folder.mkdir()
        for name in FAMILIES:
            self.write_analysis(name)
        for number in range(self.chance.randint(5, 8)):
            subject, timepoint = f"P{number // 2}", f"T{number % 2 + 1}"
            self.write_image(number, subject)
            self.write_mask(number)
            image = f"i{number}" if number % 4 else f"i{number}.nii.gz"
            declared = "" if number % 4 else "hu"
            self.rows.append(
                ["S", subject, timepoint, "ct", image, f"m{number}.nii.gz", declared, ""]
            )
        self.write_study()

    def write_analysis(self, name: str) -> None:
        head = protocol_head("analysis", name, "1.0.0", self.chance.choice(("active", "draft")))
        said = ANALYSIS.format(width=self.chance.choice(WIDTHS), family=FAMILIES[name])
        (self.folder / f"{name}.yaml").write_text(head + said)

    def write_study(self) -> Path:
        said = "".join(f"{name}: {value}\n" for name, value in self.terms.items())
        (self.folder / "study.yaml").write_text(
            f"format: biomarker-study/1\nid: random\n{said}"
            f"roles:\n  ct: {{analyses: [{', '.join(self.analyses)}]}}\n"
        )
        lines = [HEAD, *(",".join(row) for row in self.rows)]
        (self.folder / "cases.csv").write_text("\n".join(lines) + "\n")
        return self.folder / "study.yaml"

    def write_image(self, number: int, subject: str, **said: str) -> None:
        self.serial += 1
        rng = np.random.default_rng([number, self.serial])
        array = rng.integers(900, 1100, GRID.shape)
        if number % 4 == 0:
            write_nifti(array.astype(float), GRID, self.folder / f"i{number}.nii.gz")
            return
        name = f"{number}.{self.serial}"
        for z, plane in enumerate(array):
            dataset = slice_dataset((0.0, 0.0, 3.0 * z), plane, series=name, number=z + 1)
            dataset.StudyInstanceUID = uid("study", name)
            dataset.FrameOfReferenceUID = uid("frame", name)
            dataset.PatientID = subject
            for keyword, value in said.items():
                setattr(dataset, keyword, value)
            write(dataset, self.folder / f"i{number}" / f"{z}.dcm")

    def write_mask(self, number: int, geometry: Geometry = GRID) -> None:
        mask = np.zeros(geometry.shape, dtype=np.uint8)
        mask[:3, 1:5, 1:4] = 1
        mask[1:, 1:5, 4:6] = self.chance.choice((0, 2))
        # DICOM and NIfTI differ in the sense of two axes; both grids are of LPS here.
        write_nifti(mask, geometry, self.folder / f"m{number}.nii.gz")

    def number(self) -> int:
        return self.chance.randrange(len(self.rows))

    def change(self) -> str:
        """Change something, and return what."""
        change: Callable[[], str] = self.chance.choice(
            (
                self._copy, self._new_pixels, self._renamed_copy, self._other_person, self._missing,
                self._mask, self._table, self._row, self._order, self._term, self._analyses,
                self._content, self._swap, self._broken_slice, self._touch, self._rois,
            )
        )  # fmt: skip
        said = change()
        self.write_study()
        return said

    def _folder_of(self, number: int) -> Path:
        return self.folder / f"i{number}"

    def _copy(self) -> str:
        one, other = self.number(), self.number()
        source, target = self._folder_of(one), self._folder_of(other)
        if source != target and source.is_dir() and other % 4:
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, symlinks=self.chance.random() < 0.5)
        return f"{other} is a copy of {one}"

    def _renamed_copy(self) -> str:
        """The pixels of another, under UIDs of their own."""
        import pydicom

        one, other = self.number(), self.number()
        source, target = self._folder_of(one), self._folder_of(other)
        if source != target and source.is_dir() and other % 4:
            self.write_image(other, self.rows[other][1])
            for path in sorted(source.glob("*.dcm")):
                with contextlib.suppress(Exception):
                    dataset = pydicom.dcmread(target / path.name)
                    dataset.PixelData = pydicom.dcmread(path).PixelData
                    dataset.save_as(target / path.name)
        return f"{other} has the pixels of {one}"

    def _new_pixels(self) -> str:
        number = self.number()
        self.write_image(number, f"P{number // 2}")
        return f"{number} is written anew"

    def _other_person(self) -> str:
        number = self.number()
        said = self.chance.choice(
            ({"PatientID": "P0"}, {"PatientSex": self.chance.choice("MF")},
             {"StudyInstanceUID": uid("one study")}, {"FrameOfReferenceUID": uid("one frame")})
        )  # fmt: skip
        self.write_image(number, f"P{number // 2}", **said)
        return f"{number} says {said}"

    def _missing(self) -> str:
        number = self.number()
        path = self.folder / self.chance.choice(self.rows[number][4:6])
        aside = path.with_name(f"aside-{path.name}")
        if path.exists():
            shutil.rmtree(aside, ignore_errors=True)
            path.replace(aside)
        elif aside.exists():
            aside.replace(path)
        return f"{path.name} comes or goes"

    def _mask(self) -> str:
        number = self.number()
        kind = self.chance.choice(("anew", "small", "broken"))
        self.write_mask(number, SMALL if kind == "small" else GRID)
        if kind == "broken":
            path = self.folder / f"m{number}.nii.gz"
            path.write_bytes(path.read_bytes()[:40])
        return f"the mask of {number} is {kind}"

    def _table(self) -> str:
        path = self.folder / f"m{self.number()}.labels.csv"
        if path.exists():
            path.unlink()
        else:
            path.write_text(f"value,name\n1,R{self.chance.randint(1, 3)}\n2,OTHER\n")
        return f"{path.name} comes or goes"

    def _row(self) -> str:
        row = self.chance.choice(self.rows)
        row[6] = "suv_of_nobody" if row[6] != "suv_of_nobody" else ("hu" if "nii" in row[4] else "")
        return f"a row says {row[6]!r}"

    def _rois(self) -> str:
        row = self.chance.choice(self.rows)
        row[7] = self.chance.choice(("", "R1", "OTHER", "ABSENT"))
        return f"a row asks for {row[7]!r}"

    def _order(self) -> str:
        self.chance.shuffle(self.rows)
        return "the rows are in another order"

    def _term(self) -> str:
        one = {"integrity": ("refuse", "flag"), "device": ("digest", "keep")}
        name = self.chance.choice(list(one))
        self.terms[name] = self.chance.choice(one[name])
        return f"{name} is {self.terms[name]}"

    def _analyses(self) -> str:
        names = ["one.yaml", "two.yaml", "three.yaml"]
        self.analyses = self.chance.sample(names, self.chance.randint(1, 3))
        if self.chance.random() < 0.3:
            self.write_analysis(self.chance.choice(list(FAMILIES)))
        return f"analyses are {self.analyses}"

    def _content(self) -> str:
        """A file has other bytes of the same length, and the time of before."""
        folder = self._folder_of(self.number())
        for path in sorted(folder.glob("*.dcm"))[:1]:
            before = path.stat()
            content = bytearray(path.read_bytes())
            content[-2:] = self.chance.randbytes(1) + b"\x03"
            path.write_bytes(content)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return f"a pixel of {folder.name} is another"

    def _swap(self) -> str:
        one, other = self.chance.sample(self.rows, 2)
        one[5], other[5] = other[5], one[5]
        return "two masks are swapped"

    def _broken_slice(self) -> str:
        folder = self._folder_of(self.number())
        for path in sorted(folder.glob("*.dcm"))[-1:]:
            path.write_bytes(path.read_bytes()[: self.chance.choice((0, 140, 400))])
        return f"a slice of {folder.name} is cut short"

    def _touch(self) -> str:
        for path in self.folder.glob("*/0.dcm"):
            path.touch()
        return "files were touched"


def _whole(study: Study, out: Path, index: FileIndex, chance: random.Random) -> RunReport:
    due = StudyRun.of_study(study, StudyPlanner(study, index))
    return run_study(due, out, RunOptions(retry_failed=chance.random() < 0.3))


def _in_shards(path: Path, study: Study, out: Path, chance: random.Random) -> RunReport:
    shutil.rmtree(out / "shards", ignore_errors=True)
    of = chance.randint(2, 4)
    numbers = chance.sample(range(1, of + 1), of)
    for number in numbers:
        part = StudyPart(Shard(number, of), study, path)
        planner = StudyPlanner(part.own, FileIndex.of_user(), is_part=True)
        report = run_shard(part, StudyRun.of_study(part.own, planner), out, RunOptions())
        _let_go(report)
    return merge_shards(out)


class _Killed(BaseException):
    """An end in the middle of a run."""


@contextlib.contextmanager
def _killed_somewhere(chance: random.Random) -> Iterator[None]:
    """Let a run die behind a result, or behind some of what it writes at its end."""
    left = chance.randint(0, 4)
    at_end = chance.choice(("write_tables", "write_manifest", "write_text", "")) or None

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def after(*given: object, **named: object) -> object:
            nonlocal left
            found = call(*given, **named)
            left -= 1
            if left < 0 or at_end:
                raise _Killed
            return found

        return after

    with pytest.MonkeyPatch.context() as patch:
        if at_end:
            patch.setattr(finishing, at_end, dying(getattr(finishing, at_end)))
        else:
            patch.setattr(ResultStore, "save", dying(ResultStore.save))
        with contextlib.suppress(_Killed):
            yield


def _let_go(report: RunReport) -> None:
    report.judged.cohort.__exit__()


def _written(out: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    found["datapackage.json"] = (out / "datapackage.json").read_bytes()
    return found | {p.name: p.read_bytes() for p in (out / "derivations").glob("*")}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_folder_holds_what_a_first_run_gives_whatever_happened_before(
    tmp_path, monkeypatch, seed
):
    monkeypatch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path / "cache"))
    trial = Trial(tmp_path / "study", seed)
    out, chance = tmp_path / "out", random.Random(f"run {seed}")
    happened: list[str] = []
    for number in range(ROUNDS):
        path = trial.write_study()
        time.sleep(2 * FINE_SETTLING_NS / 1e9)
        study = with_key(load_study(path), writes=True)
        if chance.random() < 0.3:
            happened.append("killed")
            with _killed_somewhere(chance):
                _let_go(_whole(study, out, FileIndex.of_user(), chance))
            gc.collect()
            if chance.random() < 0.5:
                happened.append(trial.change())
                trial.write_study()
                study = with_key(load_study(path), writes=True)
        if chance.random() < 0.4:
            happened.append("shards")
            report = _in_shards(path, study, out, chance)
        else:
            happened.append("whole")
            report = _whole(study, out, FileIndex.of_user(), chance)
        code = report.exit_code
        _let_go(report)
        anew = _whole(study, tmp_path / f"anew{number}", FileIndex(None), chance)
        expected = _written(tmp_path / f"anew{number}")
        _let_go(anew)
        found = _written(out)
        differing = [n for n in {*expected, *found} if expected.get(n) != found.get(n)]
        assert not differing, happened
        assert code == anew.exit_code, happened
        happened += [trial.change() for _ in range(chance.randint(1, 3))]
