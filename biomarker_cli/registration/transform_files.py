"""Transforms as ITK text files (``.tfm``): written with the same bytes for the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.wording import quoted
from biomarker_cli.registration.errors import RegistrationError

_HEAD = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"

_MOST_BYTES = 10_000
"""Of a transform: fifteen numbers."""

_LEAST = 0.5
"""How much smaller, or larger, a transform may make what it leads."""


def write_tfm(matrix: FloatArray, centre: FloatArray, path: Path) -> None:
    """Write a rigid or affine transform.

    As an affine one, which every program that reads ITK transforms knows: matrix row by row,
    translation, and the centre that the matrix turns about.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm, as ITK resamples.
    centre : ndarray, shape (3,)
        LPS mm.
    path : Path
        In a folder that exists.
    """
    turn = matrix[:3, :3]
    shift = turn @ centre + matrix[:3, 3] - centre
    numbers = [*turn.ravel().tolist(), *shift.tolist()]
    lines = [
        f"{_HEAD}Parameters: {' '.join(map(repr, numbers))}",
        f"FixedParameters: {' '.join(map(repr, np.asarray(centre).tolist()))}",
    ]
    replace_file(path, ("\n".join(lines) + "\n").encode())


def read_tfm(path: Path) -> FloatArray:
    """Return the matrix of a transform that `write_tfm` wrote, shape (4, 4).

    Fixed point to moving point, LPS mm.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-FILE`` for a file that is absent, none of ours, or mirrors.
    """
    try:
        # A pipe would never end.
        if not path.is_file():
            raise ValueError("no such file")  # noqa: TRY301
        with path.open("rb") as stream:
            text = stream.read(_MOST_BYTES).decode("ascii")
        if not text.startswith(_HEAD):
            raise ValueError("it is no affine transform in ITK's form")  # noqa: TRY301
        parameters, fixed = text.removeprefix(_HEAD).splitlines()
        numbers = _numbers(parameters, "Parameters:", 12)
        centre = _numbers(fixed, "FixedParameters:", 3)
        matrix = np.eye(4)
        matrix[:3, :3] = numbers[:9].reshape(3, 3)
        matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
        if not np.isfinite(matrix).all() or not _LEAST <= np.linalg.det(matrix) <= 1 / _LEAST:
            raise ValueError("it mirrors, or leads everything to one plane")  # noqa: TRY301
    except (OSError, ValueError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else str(error)
        raise RegistrationError(
            "REGISTRATION-FILE", f"the transform cannot be used: {quoted(why)}", where=str(path)
        ) from error
    return matrix


def _numbers(line: str, word: str, wanted: int) -> FloatArray:
    found = line.split()
    if found[:1] != [word] or len(found) != wanted + 1:
        raise ValueError(f"expected {wanted} numbers behind {word}")
    return np.asarray([float(one) for one in found[1:]])
