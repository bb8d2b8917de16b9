"""Write the two synthetic centres of the tutorial: images, contours, studies, covariates.

Usage: ``python examples/multicentre/make_centres.py OUT_DIR``. Everything follows from seeds;
the scanners, headers and contours are those of ``sample_data/``.
"""

from __future__ import annotations

import csv
import hashlib
import math
import shutil
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
SAMPLE_DATA = HERE.parents[1] / "sample_data"
if str(SAMPLE_DATA) not in sys.path:
    sys.path.insert(0, str(SAMPLE_DATA))

from synthetic_trial import phantom  # noqa: E402
from synthetic_trial.ct import INTERCEPT_HU, write_slices  # noqa: E402
from synthetic_trial.rtstruct import write_rtstruct  # noqa: E402
from synthetic_trial.trial import (  # noqa: E402
    CENTRE_A,
    CENTRE_B,
    VISITS,
    Ball,
    Centre,
    Grid,
    Patient,
    Visit,
)

SEED = 8
N_TRIAL, N_RETEST = 20, 10
"""Subjects of each centre."""

AGES = (45, 75)
HU_AT_60, HU_PER_YEAR, HU_SUBJECT_SD = 50.0, 0.6, 5.0
RETEST_HU_SD = 2.0
TEXTURE_HU, TEXTURE_SUBJECT_SD = 10.0, 0.15
"""Voxel noise of a lesion, and its standard deviation between subjects, as a logarithm."""
RADIUS_MM, RADIUS_SUBJECT_SD_MM = 11.0, 1.0

SECOND_READER_MM, PROGRAM_SHIFT_MM = 1.0, 2.0
"""How much larger the second reader draws, and how far off the program is along x."""

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Site:
    """A centre, and what it does to its numbers.

    Attributes
    ----------
    shift_hu : float
        Added to each lesion.
    texture : float
        Factor of the noise of the voxels, that is of the kernel.
    contour_sd : float
        Relative standard deviation of the radius when a lesion is drawn again.
    """

    centre: Centre
    letter: str
    label: str
    grid: Grid
    shift_hu: float
    texture: float
    contour_sd: float


SITES = (
    Site(
        CENTRE_A,
        "A",
        "GTV-1",
        Grid((64, 64, 14), (2.7, 2.7, 3.0), (-85.1, -84.7, -19.3)),
        0.0,
        1.0,
        0.01,
    ),
    Site(
        CENTRE_B,
        "B",
        "gtv_primary",
        Grid((64, 64, 14), (2.6, 2.6, 3.0), (-81.8, -82.3, -19.6)),
        12.0,
        1.3,
        0.03,
    ),
)


def normal(*key: object) -> float:
    """Return a number of mean 0 and standard deviation 1 that follows from its key.

    The sum of the bytes of a digest: the same on every machine and for ever.
    """
    octets = hashlib.sha256("/".join(map(str, (SEED, *key))).encode()).digest()
    return (sum(octets) - 255 * len(octets) / 2) / math.sqrt(len(octets) * (256**2 - 1) / 12)


def age_of(subject: str) -> int:
    """Return the age of a subject in years, evenly spread."""
    first = hashlib.sha256(f"{SEED}/{subject}/age".encode()).digest()[0]
    return AGES[0] + first * (AGES[1] - AGES[0] + 1) // 256


def examination(site: Site, subject: str, timepoint: str, day: datetime) -> Visit:
    """Return a CT of a subject: its lesion is larger, denser and rougher than another's."""
    age = age_of(subject)
    radius = RADIUS_MM + RADIUS_SUBJECT_SD_MM * normal(subject, "radius")
    hu = HU_AT_60 + HU_PER_YEAR * (age - 60) + HU_SUBJECT_SD * normal(subject, "hu")
    hu += site.shift_hu + RETEST_HU_SD * normal(subject, timepoint, "hu")
    template = next(visit for visit in VISITS if visit.centre is site.centre)
    node = template.ct_balls[1]
    return replace(
        template,
        patient=Patient(
            f"SYN-{subject}", f"SYNTHETIC^{subject}", "FM"[age % 2], f"{2024 - age}0101", 1.7
        ),
        subject_id=subject,
        timepoint=timepoint,
        age=f"{age:03d}Y",
        injection=day,
        ct_grid=site.grid,
        ct_balls=(
            Ball("GTV", site.label, (27.7, -15.24, 0.46), radius, hu),
            replace(node, centre_mm=(-31.07, 22.48, 1.12), radius_mm=8.0),
        ),
    )


def hounsfield(site: Site, visit: Visit) -> npt.NDArray[np.int64]:
    """Return CT numbers in HU, shape (z, y, x): water, two lesions, seeded noise."""
    grid = visit.ct_grid
    random = phantom.noise(f"{visit.key}/tutorial", grid)
    hu = np.where(phantom.body(grid), 12.0 * random, -1000 + 6.0 * random)
    roughness = TEXTURE_SUBJECT_SD * normal(visit.subject_id, "texture")
    texture = TEXTURE_HU * site.texture * math.exp(roughness)
    for ball in visit.ct_balls:
        lesion = phantom.material(grid, ball)
        hu[lesion] = ball.value + texture * random[lesion]
    return np.clip(np.rint(hu), INTERCEPT_HU, None).astype(np.int64)


def drawn(visit: Visit, factor: float = 1.0, more_mm: float = 0.0, x_mm: float = 0.0) -> Visit:
    """Return a visit whose GTV is drawn larger or elsewhere than it is."""
    gtv, node = visit.ct_balls
    x, y, z = gtv.centre_mm
    radius = gtv.radius_mm * factor + more_mm
    return replace(
        visit, ct_balls=(replace(gtv, centre_mm=(x + x_mm, y, z), radius_mm=radius), node)
    )


def write_case(site: Site, visit: Visit, folder: Path) -> dict[str, str]:
    """Write image and contours; return the row of the list of cases."""
    own = f"{visit.folder}/ct"
    write_slices(visit, hounsfield(site, visit), folder / own / "image")
    again = site.contour_sd * normal(visit.key, "contour")
    contours = folder / own / "rtstruct.dcm"
    write_rtstruct(drawn(visit, factor=1 + again), contours, labels=[site.label])
    return {
        "site_id": site.centre.site_id,
        "subject_id": visit.subject_id,
        "timepoint": visit.timepoint,
        "role": "ct",
        "image": f"{own}/image",
        "mask": f"{own}/rtstruct.dcm",
    }


def write_exchange(folder: Path, ct: Rows) -> None:
    """Write the list of images that both centres measure: CT of the trial, PET and DWI.

    PET and DWI are copies of the first visits in ``sample_data``.
    """
    with (SAMPLE_DATA / "cases.csv").open(newline="") as stream:
        listed = list(csv.DictReader(stream))
    copied = [row for row in listed if row["timepoint"] == "T1" and row["role"] != "ct"]
    for row in copied:
        for name in ("image", "mask"):
            source = SAMPLE_DATA / row[name]
            row[name] = f"exchange/{row[name]}"
            target = folder / row[name]
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                for part in source.parent.glob(f"{source.name.partition('.')[0]}.*"):
                    shutil.copyfile(part, target.with_name(part.name))
    write_csv(folder / "exchange.csv", [*copied, *(row | {"weight_kg": ""} for row in ct)])


def write_retest(site: Site, folder: Path) -> None:
    """Write volunteers of a centre, each scanned and drawn twice within a day."""
    rows: Rows = []
    for number in range(1, N_RETEST + 1):
        for timepoint, hour in (("T1", 9), ("T2", 15)):
            day = datetime(2024, 1, number, hour)
            visit = examination(site, f"{site.letter}V{number:02d}", timepoint, day)
            rows.append(write_case(site, visit, folder))
    write_csv(folder / f"retest_{site.letter.lower()}.csv", rows)


def write_readers(folder: Path) -> None:
    """Write what three readers drew on one image."""
    site = SITES[0]
    visit = examination(site, "A01", "T1", datetime(2024, 3, 1, 9))
    for reader, own in (
        ("first", visit),
        ("second", drawn(visit, more_mm=SECOND_READER_MM)),
        ("program", drawn(visit, x_mm=PROGRAM_SHIFT_MM)),
    ):
        write_rtstruct(own, folder / f"{reader}.dcm", reader, [site.label])


def write_csv(path: Path, rows: Rows) -> None:
    """Write rows of equal columns."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_all(folder: Path) -> None:
    """Write everything that the tutorial reads."""
    folder.mkdir(parents=True)
    for path in sorted((HERE / "studies").glob("*.yaml")):
        shutil.copyfile(path, folder / path.name)
    trial: Rows = []
    subjects: Rows = []
    for site in SITES:
        for number in range(1, N_TRIAL + 1):
            subject = f"{site.letter}{number:02d}"
            visit = examination(site, subject, "T1", datetime(2024, 3, number, 9))
            trial.append(write_case(site, visit, folder))
            subjects.append(
                {"subject_id": subject, "age": str(age_of(subject)), "vendor": site.centre.ct.model}
            )
        write_retest(site, folder)
    write_csv(folder / "trial.csv", trial)
    write_csv(folder / "subjects.csv", subjects)
    write_readers(folder / "readers")
    write_exchange(folder, [trial[0], trial[N_TRIAL]])


def main() -> int:
    """Run the command line; return the exit code."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{(__doc__ or '').splitlines()[2]}\n")
        return 2
    folder = Path(sys.argv[1])
    if folder.exists():
        sys.stderr.write(f"{folder} is there already: remove it, or name another folder\n")
        return 2
    write_all(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
