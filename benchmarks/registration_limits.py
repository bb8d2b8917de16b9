"""What the limits of the rigid protocol say of generated pairs of a known kind.

PYTHONPATH=tests python -m benchmarks.registration_limits [--seeds 0:40] [--kinds KIND...]

Each seed is another body; of it come two timepoints, and pairs that must fail: another
patient, left and right exchanged, a start 70 mm off; the same of bodies that are round
about their long axis. Further alignments are made where nothing else has failed a pair.
Prints a row for each pair, then how many of each kind were failed,
and the range of each figure. The table of docs/registration.md is made of it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from synthetic_registration import body, far_motion, months_later, moved, quick_protocol

from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.anatomy import body_points_mm, transformed
from biomarker_cli.registration.checks import told
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.registering import Registration, register
from biomarker_cli.registration.rules import FigureLimit

Pair = tuple[Volume, Volume, FloatArray | None]
"""Fixed, moving, and the truth where there is one."""

_AGAIN = ("restart_spread_mm", "restart_gain", "inverse_consistency_mm")
"""Figures that need further alignments."""

_ROUND_MM = (42.0, 42.0, 44.0)
_UNEVEN_MM = (42.0, 34.0, 44.0)


def two_timepoints(seed: int, radii_mm: tuple[float, float, float]) -> Pair:
    """Return a body and how it looks months later, elsewhere."""
    later = months_later(body(seed, noise_seed=2, radii_mm=radii_mm), seed)
    return body(seed, radii_mm=radii_mm), moved(later, far_motion(seed)), far_motion(seed)


def another_patient(seed: int, radii_mm: tuple[float, float, float]) -> Pair:
    """Return the bodies of two seeds."""
    return two_timepoints(seed, radii_mm)[0], two_timepoints(seed + 50, radii_mm)[1], None


def exchanged(seed: int, radii_mm: tuple[float, float, float]) -> Pair:
    """Return two timepoints, left and right of the second exchanged."""
    fixed, moving, _ = two_timepoints(seed, radii_mm)
    return fixed, replace(moving, array=moving.array[:, :, ::-1].copy()), None


def far_start(seed: int, radii_mm: tuple[float, float, float]) -> Pair:
    """Return a body twice, 70 mm apart along one axis."""
    away = np.eye(4)
    away[seed % 3, 3] = 70.0 if seed % 2 else -70.0
    return (
        body(seed, radii_mm=radii_mm),
        moved(body(seed, noise_seed=2, radii_mm=radii_mm), away),
        away,
    )


_KINDS: dict[str, Callable[[int, tuple[float, float, float]], Pair]] = {
    "two-timepoints": two_timepoints,
    "another-patient": another_patient,
    "exchanged": exchanged,
    "far-start": far_start,
}


def main() -> int:
    """Register the pairs, and print what was said of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [f"{shape}{kind}" for shape in ("", "round-") for kind in _KINDS]
    parser.add_argument("--kinds", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", default="0:40", help="first and end, such as 0:40")
    parser.add_argument("--points", type=int, default=3000, help="sampled points of a level")
    options = parser.parse_args()
    first, end = map(int, options.seeds.split(":"))
    protocols = [
        quick_protocol(options.points, **dict.fromkeys(_AGAIN, FigureLimit())),
        quick_protocol(options.points),
    ]
    for name in options.kinds:
        radii_mm = _ROUND_MM if name.startswith("round-") else _UNEVEN_MM
        rows = []
        for seed in range(first, end):
            fixed, moving, truth = _KINDS[name.removeprefix("round-")](seed, radii_mm)
            for protocol in protocols if truth is None or "far" in name else protocols[1:]:
                found = register(fixed, moving, protocol)
                if found.status == "failed":
                    break
            rows.append(_figures(found, _error_mm(found, fixed, truth)))
            print(name, seed, found.status, told(found.rois[0].verdicts), rows[-1], flush=True)
        _say(name, rows)
    return 0


def _error_mm(found: Registration, fixed: Volume, truth: FloatArray | None) -> float | None:
    if truth is None:
        return None
    points = body_points_mm(image_of(fixed))
    apart = transformed(found.matrix, points) - transformed(truth, points)
    return round(float(np.linalg.norm(apart, axis=1).mean()), 3)


def _figures(found: Registration, error_mm: float | None) -> dict[str, object]:
    whole = found.rois[0]
    figures = {
        "similarity": found.similarity,
        "mirror_gain": found.mirror_gain,
        "restart_gain": found.restart_gain,
        "spread": whole.restart_spread_mm,
        "inverse": whole.inverse_consistency_mm,
        "error": error_mm,
    }
    said = {name: None if one is None else round(one, 4) for name, one in figures.items()}
    return {"status": found.status, "checks": told(whole.verdicts)} | said


def _say(name: str, rows: list[dict[str, object]]) -> None:
    print(f"== {name}: {dict(Counter(str(row['status']) for row in rows))}")
    print("  ", dict(Counter(str(row["checks"]) for row in rows)))
    for figure in ("similarity", "mirror_gain", "restart_gain", "spread", "inverse", "error"):
        values = [float(str(row[figure])) for row in rows if row[figure] is not None]
        if values:
            print(f"   {figure}: {min(values)} to {max(values)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
