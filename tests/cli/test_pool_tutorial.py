"""The tutorial of three centres: its commands run, and each number in it is held."""

from __future__ import annotations

import csv
import math
import os
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import stats
from synthetic_evidence import Seen, write_package
from tutorial import CHECKOUT, Claim, programs, run, sections, unclaimed

FOLDER = CHECKOUT / "examples" / "pool"
SECTIONS = sections(FOLDER / "README.md")
WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"

sys.path.insert(0, str(FOLDER))
try:
    import make_trial as made
finally:
    sys.path.remove(str(FOLDER))

MEDIAN = "adc.intensity.median"


def rows(path: Path, **wanted: str) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    return [row for row in found if all(row[name] == text for name, text in wanted.items())]


def association(folder: Path, name: str, statistic: str, scope: str) -> dict[str, str]:
    wanted = {"name": name, "statistic": statistic, "scope": scope}
    return rows(folder / "associations.csv", **wanted)[0]


def number(folder: Path, place: str, *key: str, column: str = "value") -> float:
    return float(association(folder / place, *key)[column])


def fixed(folder: Path, name: str) -> list[float]:
    columns = ("value", "ci95_low", "ci95_high", "p_value", "p_adjusted")
    return [number(folder, "association", name, "auc", "fixed", column=c) for c in columns]


def repeatability(folder: Path) -> float:
    table = folder / "repeatability" / "repeatability.csv"
    return float(rows(table, feature_id=MEDIAN, statistic="wCV", scope="overall")[0]["value"])


def changes(folder: Path) -> tuple[int, int, float]:
    words = [row["exceeds_rc95"] for row in rows(folder / "changes.csv")]
    judged = [word for word in words if word != "undefined"]
    return len(judged), judged.count("yes"), 0.05 * len(judged)


def steps(folder: Path, name: str) -> dict[str, int]:
    table = rows(folder / "association" / "association_flow.csv", name=name, scope="all")
    return {row["step"]: int(row["n_subjects"]) for row in table}


def measured_sd(folder: Path) -> float:
    table = rows(folder / "progression" / "association_subjects.csv")
    return float(np.std([float(row["value"]) for row in table if row["value"]], ddof=1))


def difference() -> float:
    return made.CHANGE_RESPONDER - made.CHANGE_NONE


def true_auc() -> float:
    return float(stats.norm.cdf(difference() / made.CHANGE_SD / math.sqrt(2)))


def hazard_ratio(change: float) -> float:
    return math.exp(made.LOG_HAZARD_RATIO * change / made.CHANGE_SD)


def put_in() -> list[int]:
    return [sum(made.responds(site, n + 1) for n in range(made.N_SUBJECTS)) for site in made.SITES]


CLAIMS = (
    Claim(0, "ends with exit code {} unless", lambda _: (0,)),
    Claim(1, "| patients | {} | {} | {} |", lambda _: (made.N_SUBJECTS,) * 3),
    Claim(1, "| who respond | {} | {} | {} |", lambda _: put_in()),
    Claim(
        1,
        "makes of an ADC | x {} | x {} | x {} |",
        lambda _: [site.adc_factor for site in made.SITES],
    ),
    Claim(
        1,
        "rises by {:.0f} % in who does not respond and by {:.0f} % in who does",
        lambda _: (made.CHANGE_NONE, made.CHANGE_RESPONDER),
    ),
    Claim(1, "standard deviation of {:.0f} % in both", lambda _: (made.CHANGE_SD,)),
    Claim(
        1,
        "Phi({:.0f} / {:.0f} / root of {}) = {:.2f}",
        lambda _: (difference(), made.CHANGE_SD, 2, true_auc()),
    ),
    Claim(1, "standard deviation of {:.0f} %. The ADC", lambda _: (100 * made.RETEST_SD,)),
    Claim(
        1,
        "a factor of {:.2f} with each {:.0f} %",
        lambda _: (hazard_ratio(made.CHANGE_SD), made.CHANGE_SD),
    ),
    Claim(2, "{} volunteers of centre A", lambda _: (made.N_VOLUNTEERS,)),
    Claim(2, "the images of b = {} were", lambda _: (800,)),
    Claim(4, "a wCV of {:.2f} %", lambda f: (repeatability(f),)),
    Claim(4, "where {:.0f} % were put in", lambda _: (100 * made.RETEST_SD,)),
    Claim(4, "Of {} changes {} exceed", lambda f: changes(f)[:2]),
    Claim(4, "where {:.0f} would", lambda f: changes(f)[2:]),
    Claim(6, "Of {} patients one never", lambda f: (steps(f, "change")["subjects"],)),
    Claim(6, "an AUC of {:.2f} ({:.2f} to {:.2f})", lambda f: fixed(f, "change")[:3]),
    Claim(
        6,
        "which holds the {:.2f} that was put in",
        lambda f: [a for a in (true_auc(),) if fixed(f, "change")[1] < a < fixed(f, "change")[2]],
    ),
    Claim(
        6,
        "does not ({:.2f}, p = {:.2f})",
        lambda f: (fixed(f, "first")[0], fixed(f, "first")[3]),
    ),
    Claim(
        6,
        "p is {:.3f} and {:.2f}",
        lambda f: (fixed(f, "change")[4], fixed(f, "first")[4]),
    ),
    Claim(
        6,
        "say something (p = {:.3f})",
        lambda f: (number(f, "post_hoc", "first", "auc", "all", column="p_value"),),
    ),
    Claim(7, "which is {:.1f} %, the hazard", lambda f: (measured_sd(f),)),
    Claim(
        7,
        "the hazard is {:.2f} of",
        lambda f: (number(f, "progression", "change", "hazard_ratio_per_sd", "all"),),
    ),
    Claim(
        7,
        "{:.2f} for {:.0f} %, that is {:.2f} for {:.1f} %",
        lambda f: (
            hazard_ratio(made.CHANGE_SD),
            made.CHANGE_SD,
            hazard_ratio(measured_sd(f)),
            measured_sd(f),
        ),
    ),
)


def true_values() -> Iterator[Seen]:
    """Yield what a centre would measure of every region, as far as it was sent."""
    for site in made.SITES:
        for number in range(1, made.N_SUBJECTS + 1):
            subject, day = made.name_of(site, number), made.first_day(site, number)
            first = made.first_adc(subject)
            later = first * (1 + made.true_change(site, number) / 100)
            visits = {"T1": (day, first), "T2": (day + timedelta(days=56), later)}
            for timepoint, (when, adc) in visits.items():
                if (subject, timepoint) == (made.WITHOUT_T2, "T2"):
                    continue
                visit = made.examination(site, subject, timepoint, when, adc)
                was_sent = (subject, timepoint) != (made.LOW_B, "T2")
                yield Seen(
                    subject,
                    visit.dwi_balls[0].value if was_sent else None,
                    site=site.centre.site_id,
                    timepoint=timepoint,
                    usable="caution" if was_sent else "no",
                    date=visit.study_date,
                )


@pytest.mark.slow
def test_the_commands_of_the_pool_tutorial_do_what_it_says(tmp_path):
    """From the images all of it; else from the tables that the images would give."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "examples").symlink_to(CHECKOUT / "examples")
    bin_dir = programs(tmp_path / "bin")
    if not WHOLE:
        made.write_clinical(folder)
        made.write_plans(folder)
        write_package(folder / "pool", true_values())
    walked = range(len(SECTIONS)) if WHOLE else (5, 6)
    for place in walked:
        folder = run(SECTIONS[place], folder, bin_dir)
    for claim in CLAIMS:
        if claim.section in walked:
            said = claim.passage.format(*claim.numbers(folder))
            assert said in SECTIONS[claim.section].prose
    others = dict.fromkeys(("not_usable", "no_baseline", "no_covariate"), 0)
    counted = dict.fromkeys(("not_measured", "no_value", "no_endpoint"), 1)
    assert steps(folder, "change") == others | counted | {"subjects": 42, "analysed": 39}
    assert (folder / "parquet" / "outcome.parquet").is_file()


@pytest.mark.parametrize("section", range(len(SECTIONS)))
def test_each_number_of_the_pool_tutorial_is_one_that_the_walk_holds(section):
    claims = [claim for claim in CLAIMS if claim.section == section]
    assert all(re.search(claim.pattern, SECTIONS[section].prose) for claim in claims)
    assert unclaimed(SECTIONS[section], claims) == []


def test_each_step_of_the_way_is_walked_and_each_defect_is_refused():
    commands = [step for part in SECTIONS for one in part.steps for step in one.commands]
    codes = [(c.split()[1], code) for c, code in commands if c.startswith("biomarker ")]
    assert {name for name, _ in codes} == {
        *("run", "pool", "repeatability", "change"),
        *("join", "export", "associate"),
    }
    assert [code for name, code in codes if name == "pool"] == [0, 3]
    assert [code for name, code in codes if name == "join"] == [2, 5, 5, 0, 0, 0]


def test_pages_link_to_the_pool_tutorial_and_it_links_to_what_is_there():
    for page in ("README.md", "docs/evidence.md", "sample_data/README.md"):
        assert "examples/pool/README.md)" in (CHECKOUT / page).read_text(), page
    links = re.findall(r"\]\(([^)#]+)\)", (FOLDER / "README.md").read_text())
    assert len(links) > 8
    assert [link for link in links if not (FOLDER / link).is_file()] == []


def test_the_pooled_plan_differs_in_nothing_but_what_it_says():
    plans = [
        yaml.safe_load((FOLDER / "studies" / f"{n}.yaml").read_text()) for n in ("plan", "pooled")
    ]
    assert {key for key in plans[0] if plans[0][key] != plans[1][key]} == {
        *("id", "title", "made", "sites")
    }


def test_the_folder_of_an_earlier_trial_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make_trial.py", str(tmp_path)])
    assert made.main() == 2
    assert "is there already" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
