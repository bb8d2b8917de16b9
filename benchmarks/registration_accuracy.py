"""How far the rigid protocol is off a known motion, on generated bodies and on series.

PYTHONPATH=tests python -m benchmarks.registration_accuracy [--data FOLDER]

One alignment each: six motions of 5 to 25 mm and 2 to 15 degrees of a body, whose second
image is damaged in one way at a time; with --data (of the reference DICOM) also series whose
headers are moved. Prints the least and the largest mean error over points of the body.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from synthetic_registration import GRID, body, far_motion, moved, quick_protocol

from biomarker_cli.api.images import read_volume
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.alignment import centre_mm, moved_start
from biomarker_cli.registration.anatomy import body_points_mm, transformed
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import FigureLimit, RegistrationProtocol, load_registration

_DAMAGES: dict[str, tuple[Geometry, float]] = {
    "noise of 10 HU": (GRID, 10.0),
    "noise of 40 HU": (GRID, 40.0),
    "a fifth cut off below": (
        replace(GRID, shape=(26, 48, 56), origin_mm=(-50.0, -40.0, -21.0)),
        10.0,
    ),
    "a fifth cut off at the side": (
        replace(GRID, shape=(32, 48, 45), origin_mm=(-39.0, -40.0, -30.0)),
        10.0,
    ),
    "voxels of 2.4 mm, noise of 40 HU": (
        Geometry((26, 40, 58), (2.4, 2.4, 2.4), (-54.0, -42.0, -22.0)),
        40.0,
    ),
}
_AGAIN = ("restart_spread_mm", "restart_gain", "inverse_consistency_mm", "mirror_gain")
_MOTIONS = (((5.0, -7.0, 4.0), (3.0, -2.0, 5.0)), ((-14.0, 16.0, 12.0), (-9.0, 8.0, 8.0)))


def once(protocol: RegistrationProtocol) -> RegistrationProtocol:
    """Return a protocol without further alignments."""
    checks = protocol.file.checks.model_copy(update=dict.fromkeys(_AGAIN, FigureLimit()))
    return replace(protocol, file=protocol.file.model_copy(update={"checks": checks}))


def error_mm(
    fixed: Volume, moving: Volume, truth: FloatArray, protocol: RegistrationProtocol
) -> float:
    """Return the mean distance of points of the body from where the truth leads them."""
    found = register(fixed, moving, protocol)
    points = body_points_mm(image_of(fixed))
    apart = transformed(found.matrix, points) - transformed(truth, points)
    return float(np.linalg.norm(apart, axis=1).mean())


def of_bodies() -> Iterator[tuple[str, list[float]]]:
    """Yield each damage and its errors over six motions."""
    protocol = once(quick_protocol(8000))
    for name, (grid, noise_hu) in _DAMAGES.items():
        yield (
            name,
            [
                error_mm(
                    body(seed),
                    moved(body(seed, grid, noise_hu, noise_seed=2), far_motion(seed)),
                    far_motion(seed),
                    protocol,
                )
                for seed in range(100, 106)
            ],
        )


def of_series(data: Path) -> Iterator[tuple[str, list[float]]]:
    """Yield each modality and its errors, one motion for each patient."""
    protocol = once(load_registration("rigid-same-modality"))
    for series in ("PET", "MR_T1", "CT"):
        errors = []
        for number, patient in enumerate(sorted((data / "sts").glob("STS_*"))[:4]):
            fixed = read_volume(patient / series / "image")
            shift_mm, angles_deg = _MOTIONS[number % 2]
            truth = moved_start(centre_mm(fixed.geometry), np.array(shift_mm), angles_deg)
            errors.append(error_mm(fixed, moved(fixed, truth), truth, protocol))
        yield series, errors


def main() -> int:
    """Print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the reference DICOM")
    options = parser.parse_args()
    for name, errors in of_bodies():
        print(f"{name}: {min(errors):.3f} to {max(errors):.3f} mm", flush=True)
    for name, errors in of_series(options.data) if options.data else ():
        print(f"headers of {name}: {min(errors):.3f} to {max(errors):.3f} mm", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
