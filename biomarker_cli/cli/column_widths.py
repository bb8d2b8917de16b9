"""How wide the columns of a table are in a terminal that has not room for all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_SHORTEST_PIECE = 6
"""Characters below which no word is broken."""

_GAP = 2


def column_widths(
    rows: Sequence[Sequence[str]],
    whole: Sequence[bool],
    room: int,
    length_of: Callable[[str], int] = len,
) -> list[int]:
    """Return the widths of the columns of a table that is to fit into a terminal.

    Text gives way first, the widest column before the others, down to its longest
    word. Where that is not enough words are broken, in as few columns as can be: the
    longest, which are UIDs and paths, before all others.

    Parameters
    ----------
    rows : sequence of sequence of str
        The header is the first.
    whole : sequence of bool
        Columns that are never broken.
    room : int
        Characters of a line; two stand behind each column.
    length_of : callable
        How many columns of a terminal a text takes.
    """

    def longest_word(cell: str) -> int:
        return max(map(length_of, cell.split(" ")))

    columns = list(zip(*rows, strict=True))
    widths = [max(map(length_of, cells)) for cells in columns]
    words = [max(map(longest_word, cells)) for cells in columns]
    soft = [at for at, is_whole in enumerate(whole) if not is_whole]
    excess = sum(widths) + _GAP * len(widths) - room
    while excess > 0 and (wider := [at for at in soft if widths[at] > words[at]]):
        widths[max(wider, key=widths.__getitem__)] -= 1
        excess -= 1
    for at in sorted(soft, key=lambda at: -words[at]):
        floor = max(longest_word(rows[0][at]), _SHORTEST_PIECE)
        gives_way = min(max(excess, 0), max(widths[at] - floor, 0))
        widths[at] -= gives_way
        excess -= gives_way
    return widths
