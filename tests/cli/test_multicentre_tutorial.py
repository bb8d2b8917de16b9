"""The tutorial of two centres: its commands run, and each number in it is held."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tutorial import CHECKOUT, Claim, programs, run, sections, unclaimed

FOLDER = CHECKOUT / "examples" / "multicentre"
SECTIONS = sections(FOLDER / "README.md")
WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
LAST = len(SECTIONS) - 1 if WHOLE else 4
"""The last section that is run: `compare`, or all of them."""

sys.path.insert(0, str(FOLDER))
try:
    import make_centres as made
finally:
    sys.path.remove(str(FOLDER))

A, B = made.SITES
MEAN, VOLUME = "original.intensity.mean", "original.morphology.volume"


def rows(path: Path, **wanted: str) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    return [row for row in found if all(row[name] == text for name, text in wanted.items())]


def exit_codes(section: int) -> Iterator[int]:
    return (code for step in SECTIONS[section].steps for _, code in step.commands)


def repeatability(folder: Path, feature: str, statistic: str) -> list[dict[str, str]]:
    """The overall row of each centre."""
    tables = (folder / f"repeatability_{letter}" / "repeatability.csv" for letter in "ab")
    return [rows(table, feature_id=feature, statistic=statistic, site_id="")[0] for table in tables]


def numbers(folder: Path, feature: str, statistic: str) -> list[float]:
    return [float(row["value"]) for row in repeatability(folder, feature, statistic)]


def pair(folder: Path, other: str, column: str) -> float:
    """What tells the first reader from another one."""
    table = rows(folder / "agreement" / "reader_pairs.csv")
    names = {"first", other}
    return abs(next(float(r[column]) for r in table if {r["reader_a"], r["reader_b"]} == names))


def both(folder: Path, column: str) -> list[float]:
    return [pair(folder, other, column) for other in ("program", "second")]


def report(folder: Path, effect: str, statistic: str) -> list[float]:
    """Before and after, of the mean; the command has shown them, so that they are there."""
    lines = [line.split() for step in SECTIONS[7].steps for line in step.answers]
    return [float(x) for line in lines if line[1:4] == [MEAN, effect, statistic] for x in line[4:]]


def fitted(folder: Path, harmonised: bool) -> np.ndarray:
    """Return what the centre and a year of age do to the mean of a lesion, in HU."""
    ages = {row["subject_id"]: float(row["age"]) for row in rows(folder / "subjects.csv")}
    if harmonised:
        table = rows(folder / "harmonised" / "harmonised.csv", feature_id=MEAN)
        values = {row["subject_id"]: float(row["value"]) for row in table}
    else:
        table = rows(folder / "results" / "measurements.csv", feature_id=MEAN)
        values = {row["case_id"].split("/")[1]: float(row["value"]) for row in table}
    design = [[1.0, float(subject[0] == "B"), ages[subject]] for subject in values]
    return np.linalg.lstsq(np.array(design), np.array(list(values.values())), rcond=None)[0][1:]


def changed(folder: Path) -> list[str]:
    """Features of a CT that bins of another width move."""
    own = {
        r["case_id"] + r["roi_id"] + r["feature_id"]: r["value"] for r in measured(folder, "own")
    }
    pairs = [(r, own[r["case_id"] + r["roi_id"] + r["feature_id"]]) for r in measured(folder, "a")]
    return [r["feature_id"] for r, value in pairs if r["value"] != value]


def measured(folder: Path, name: str) -> list[dict[str, str]]:
    return rows(folder / f"exchange_{name}" / "measurements.csv")


def ct_features(folder: Path) -> int:
    return len({r["feature_id"] for r in measured(folder, "a") if r["case_id"].endswith("/ct")})


def asked() -> tuple[int, int]:
    text = (FOLDER / "studies" / "trial_passports.yaml").read_text()
    found = re.search(r"max_age_days: (\d+), .* maximum: (\d+)", text)
    assert found
    return int(found[1]), int(found[2])


def widths() -> list[str]:
    own = (FOLDER / "studies" / "own_bins.yaml").read_text()
    default = CHECKOUT / "protocols" / "analysis" / "pyradiomics-default" / "1.0.0.yaml"
    return [re.findall(r"width: (\d+)", text)[0] for text in (own, default.read_text())]


CLAIMS = (
    Claim(0, "ends with exit code {} unless", lambda _: (next(exit_codes(1)),)),
    Claim(1, "one CT each | {} | {} |", lambda _: (made.N_TRIAL,) * 2),
    Claim(1, "drawn twice within a day | {} | {} |", lambda _: (made.N_RETEST,) * 2),
    Claim(1, "by the scanner | {:.0f} HU | {:.0f} HU |", lambda _: (A.shift_hu, B.shift_hu)),
    Claim(1, "| x {} | x {}, a sharper", lambda _: (A.texture, B.texture)),
    Claim(1, "to scan (SD) | {:.0f} HU | {:.0f} HU |", lambda _: (made.RETEST_HU_SD,) * 2),
    Claim(
        1,
        "to drawing (SD) | {:.0f} % | {:.0f} % |",
        lambda _: (100 * A.contour_sd, 100 * B.contour_sd),
    ),
    Claim(1, "by {} HU a year", lambda _: (made.HU_PER_YEAR,)),
    Claim(4, "bins of {} HU where the trial has {}", lambda _: widths()),
    Claim(4, "ends with {}, which is what", lambda _: list(exit_codes(4))[-1:]),
    Claim(4, "{} of the {} features", lambda f: (len(set(changed(f))), ct_features(f))),
    Claim(5, "Put in were {:.0f} HU", lambda _: (made.RETEST_HU_SD,)),
    Claim(5, "found are {:.2f} and {:.2f} HU", lambda f: numbers(f, MEAN, "wSD")),
    Claim(5, "as far as {} volunteers", lambda _: (made.N_RETEST,)),
    Claim(
        5,
        "the {} % limits in code hold the {:.0f} HU in both",
        lambda f: (
            95,
            *{
                made.RETEST_HU_SD
                for row in repeatability(f, MEAN, "wSD")
                if float(row["ci95_low"]) < made.RETEST_HU_SD < float(row["ci95_high"])
            },
        ),
    ),
    Claim(
        5,
        "varies by {:.0f} % or {:.0f} %",
        lambda _: (100 * A.contour_sd, 100 * B.contour_sd),
    ),
    Claim(5, "found are {:.1f} % and {:.1f} %", lambda f: numbers(f, VOLUME, "wCV")),
    Claim(
        5,
        "grew by {} % has changed by more than noise, one of centre B has not",
        lambda f: (
            [15]
            if np.greater(15, numbers(f, VOLUME, "change_high")).tolist() == [True, False]
            else []
        ),
    ),
    Claim(5, "for {} HU does not mean none", lambda _: (0,)),
    Claim(6, "a radius {:.0f} mm larger", lambda _: (made.SECOND_READER_MM,)),
    Claim(6, "off by {:.0f} mm along x", lambda _: (made.PROGRAM_SHIFT_MM,)),
    Claim(6, "surface Dice at {}, {} and {} mm", lambda _: (1, 2, 3)),
    Claim(6, "mean and {} % Hausdorff", lambda _: (95,)),
    Claim(6, "apart ({:.3f} and {:.3f})", lambda f: both(f, "dice")),
    Claim(6, "({:.1f} % and {:.1f} %)", lambda f: both(f, "volume_difference_percent")),
    Claim(6, "({:.2f} mm and {:.2f} mm)", lambda f: both(f, "centroid_distance_mm")),
    Claim(6, "voxels of {} mm", lambda _: (A.grid.spacing_mm[0],)),
    Claim(6, "the tolerance of {} mm", lambda _: (1,)),
    Claim(7, "(p = {:.4f}), after", lambda f: report(f, "batch", "kruskal_p")[:1]),
    Claim(7, "do not (p = {:.1f})", lambda f: report(f, "batch", "kruskal_p")[1:]),
    Claim(7, "were {:.1f} HU apart", lambda f: fitted(f, False)[:1]),
    Claim(7, "where {:.0f} HU were put in", lambda _: (B.shift_hu - A.shift_hu,)),
    Claim(7, "are {:.1f} HU apart now", lambda f: fitted(f, True)[:1]),
    Claim(7, "stays at {:.1f} HU a year", lambda f: fitted(f, True)[1:]),
    Claim(8, "at most {} days whose wCV", lambda _: asked()[:1]),
    Claim(8, "of the volume is at most {} %", lambda _: asked()[1:]),
    Claim(8, "Of {} rows", lambda f: (len(rows(f / "results" / "measurements.csv")),)),
    Claim(
        8,
        "the {} of centre B: {} patients with {} features",
        lambda f: (
            sum(r["case_id"].startswith("CENTRE_B") for r in rows(f / "results/measurements.csv")),
            made.N_TRIAL,
            ct_features(f),
        ),
    ),
)


@pytest.mark.slow
def test_the_commands_of_the_tutorial_do_what_it_says(tmp_path):
    bin_dir = programs(tmp_path / "bin")
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "examples").symlink_to(CHECKOUT / "examples")
    for part in SECTIONS[: LAST + 1]:
        folder = run(part, folder, bin_dir)
    for claim in CLAIMS:
        if claim.section <= LAST:
            said = claim.passage.format(*claim.numbers(folder))
            assert said in SECTIONS[claim.section].prose


@pytest.mark.parametrize("section", range(len(SECTIONS)))
def test_each_number_of_the_text_is_one_that_the_walk_holds(section):
    claims = [claim for claim in CLAIMS if claim.section == section]
    assert all(re.search(claim.pattern, SECTIONS[section].prose) for claim in claims)
    assert unclaimed(SECTIONS[section], claims) == []


def test_each_command_is_walked_and_one_differs_on_purpose():
    commands = [step for part in SECTIONS for one in part.steps for step in one.commands]
    named = {command.split()[1] for command, _ in commands if command.startswith("biomarker ")}
    wanted = {"verify", "run", "compare", "repeatability", "readers", "combat", "passport"}
    assert named == wanted
    assert [code for command, code in commands if command.startswith("biomarker compare")] == [0, 7]


def test_the_pages_link_to_the_tutorial_and_it_links_to_what_is_there():
    for page in ("README.md", "docs/agreement.md", "docs/comparing.md", "docs/passports.md"):
        assert "examples/multicentre/README.md)" in (CHECKOUT / page).read_text(), page
    links = re.findall(r"\]\(([^)#]+)\)", (FOLDER / "README.md").read_text())
    assert len(links) > 8
    assert [link for link in links if not (FOLDER / link).is_file()] == []


def test_the_centres_are_the_same_bytes_each_time(tmp_path):
    site = made.SITES[1]
    day = made.datetime(2024, 3, 1, 9)
    for name in ("one", "two"):
        visit = made.examination(site, "B01", "T1", day)
        made.write_case(site, visit, tmp_path / name)
    files = [sorted(p for p in (tmp_path / n).rglob("*") if p.is_file()) for n in ("one", "two")]
    assert len(files[0]) == site.grid.size[2] + 1
    assert [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]


def test_the_folder_of_an_earlier_walk_is_left_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "kept.txt").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["make_centres.py", str(tmp_path)])
    assert made.main() == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
