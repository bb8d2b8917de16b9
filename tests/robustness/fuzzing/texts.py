"""Damage to files that people write: YAML and CSV."""

from __future__ import annotations

import re

from fuzzing.mutations import ODD_WORDS, Rng, choice, damaged

ODD_YAML = [
    *(
        b"null",
        b"~",
        b"[]",
        b"{}",
        b"[[[[[[]]]]]]",
        b"&a [*a]",
        b"*a",
        b"!!python/object:os.system x",
    ),
    *(b"!!binary aGVsbG8=", b"!!float nan", b".inf", b"-.inf", b".nan", b"1_000", b"0o17", b"1:30"),
    *(b"2024-02-30", b"2024-01-01", b"{a: 1, a: 2}", b"? x", b"|", b">-", b"<<: {a: 1}", b"---"),
    *(b"'", b'"', b"- x", b"true", b"yes", b"@", b"%", b"\t", b"#", b"[" * 500, b"9" * 6000),
    *(b"-0.0", b"1e400", b"\xe2\x80\xa8", b"\xf0\x9f\x92\xa9", b"\xed\xa0\x80", b"\\ud800"),
]
ODD_CELLS = [
    *(
        b",",
        b'"',
        b'""',
        b"'",
        b"=cmd()",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b" ",
        b"sep=;",
        b"nan",
        b"1,5",
    ),
    *(
        b"..",
        b"/",
        b"../x",
        b"/etc/passwd",
        b"a/b",
        b"a" * 250,
        b"~",
        b"yes",
        b"-1",
        b"0",
        b"1e999",
    ),
]


def _line_changes(lines: list[bytes], rng: Rng) -> None:
    at, other = (int(rng.integers(len(lines))) for _ in range(2))
    how = rng.integers(0, 6)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(other, lines[at])
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif how == 3:
        lines[at] = b"  " * int(rng.integers(0, 4)) + lines[at].lstrip()
    elif how == 4:
        lines[at] += lines[other]
        del lines[other]
    else:
        del lines[at:]


def damaged_text(content: bytes, rng: Rng, odd: list[bytes]) -> bytes:
    """Return a text with lines and words changed; now and then with bytes changed."""
    data = content
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.35:
            lines = data.split(b"\n")
            _line_changes(lines, rng)
            data = b"\n".join(lines)
            continue
        words = list(re.finditer(rb"[^\s,\[\]{}:]+", data))
        if words and rng.random() < 0.9:
            word = choice(rng, words)
            new = choice(rng, odd if rng.random() < 0.6 else ODD_WORDS)
            data = data[: word.start()] + new + data[word.end() :]
        else:
            data = damaged(data, rng, header_bytes=len(data))
    return data


def damaged_yaml(content: bytes, rng: Rng) -> bytes:
    """Return damaged YAML."""
    return damaged_text(content, rng, ODD_YAML)


def damaged_csv(content: bytes, rng: Rng) -> bytes:
    """Return a damaged table."""
    return damaged_text(content, rng, ODD_CELLS)
