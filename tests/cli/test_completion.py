"""Completion in bash, as docs/installing.md sets it up."""

from __future__ import annotations

import subprocess

import pytest
from tutorial import programs

ASK = """
. completion.bash
COMP_WORDS=({words}); COMP_CWORD={last}
$(complete -p biomarker | sed 's/.*-F \\([^ ]*\\).*/\\1/') biomarker
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """Words that bash offers for the last of some words."""
    folder = tmp_path_factory.mktemp("completion")
    path = f"{programs(folder / 'bin')}:/usr/bin:/bin"

    def bash(script: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env={"PATH": path}, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    bash("_BIOMARKER_COMPLETE=bash_source biomarker > completion.bash")
    return lambda *words: bash(
        ASK.format(words=" ".join(f"'{word}'" for word in words), last=len(words) - 1)
    )


def test_commands_options_and_choices_are_completed(complete):
    assert complete("biomarker", "sc") == ["scan"]
    assert complete("biomarker", "protocol", "li") == ["lint", "list"]
    assert complete("biomarker", "scan", "--qu") == ["--quiet"]
    assert complete("biomarker", "scan", "--format", "j") == ["json"]
    assert complete("biomarker", "extract", "su") == ["suv"]
