"""Whether the directions of a shell weigh all orientations alike.

The mean over directions of a quantity of second and fourth order in the
direction (the diffusion and the kurtosis tensor) is its mean over the sphere
only where the scheme is balanced in both orders: six axes of an icosahedron
are, the three axes of the scanner are not, and K then turns with the head.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.diffusion.kinds import UNWEIGHTED_BELOW
from biomarker_cli.diffusion.shells import Shell
from biomarker_cli.model.arrays import FloatArray

LARGEST_IMBALANCE = 0.03
"""Up to here K of a single fibre and of a crossing turns by 5 % at most."""

LARGEST_OF_TRACE = 0.1
"""Second order up to which the ADC of a single fibre turns by a tenth of its anisotropy at most;
scanners' own schemes of 6 to 64 directions measured 0.05 and less, one lost of six is 0.2."""


def imbalance(directions: FloatArray) -> tuple[float, float]:
    """Return how far directions are from weighing all orientations alike.

    Parameters
    ----------
    directions : ndarray, shape (n, 3)
        Unit vectors; each counts once, and opposite ones are one.

    Returns
    -------
    second, fourth : float
        ``sqrt(mean P_l(cos of the angle between two of them))`` for the orders
        l = 2 and 4: the size of the mean spherical harmonics. 0 is balanced, 1
        a single axis.

    References
    ----------
    Delsarte, Goethals and Seidel 1977, Geom Dedicata 6:363 (spherical designs).
    """
    cosines = directions @ directions.T
    squares = cosines**2
    second = float(np.mean((3.0 * squares - 1.0) / 2.0))
    fourth = float(np.mean((35.0 * squares**2 - 30.0 * squares + 3.0) / 8.0))
    # The means are sums of squares: below zero is rounding.
    return float(np.sqrt(max(second, 0.0))), float(np.sqrt(max(fourth, 0.0)))


def is_lopsided(shell: Shell) -> bool:
    """Tell whether the mean over the directions of a shell is not that over all orientations.

    The signal of a fibre then turns with the head; three axes are balanced enough for an
    ADC, which is of second order.
    """
    directions = [group[0].direction for group in shell.groups]
    known = [direction for direction in directions if direction is not None]
    if not known or shell.actual < UNWEIGHTED_BELOW or shell.nominal == 0.0:
        return False
    return imbalance(np.array(known, dtype=np.float64))[0] > LARGEST_OF_TRACE


def why_unbalanced(shell: Shell) -> str:
    """Return why the directions of a shell do not do, empty where they do.

    Parameters
    ----------
    shell : Shell
        One without weighting needs no direction.
    """
    if shell.actual < UNWEIGHTED_BELOW or shell.nominal == 0.0:
        return ""
    directions = [group[0].direction for group in shell.groups]
    known = [direction for direction in directions if direction is not None]
    if len(known) < len(directions):
        return f"b = {shell.nominal:g} has images without a direction ({shell.kind.value})"
    second, fourth = imbalance(np.array(known, dtype=np.float64))
    if max(second, fourth) <= LARGEST_IMBALANCE:
        return ""
    return (
        f"the {len(known)} directions of b = {shell.nominal:g} leave an imbalance of {second:.2g} "
        f"and {fourth:.2g} in the second and fourth order"
    )
