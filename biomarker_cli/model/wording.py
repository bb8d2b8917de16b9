"""How counts are said in messages."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 slice``, ``2 slices``.

    Parameters
    ----------
    number : int
    noun : str
        In the singular.
    plural : str, optional
        Where it is not the noun with an ``s``.
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
