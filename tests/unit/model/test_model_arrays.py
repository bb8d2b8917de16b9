"""Types of arrays are said in one module."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "biomarker_cli"
ALIAS = re.compile(r"^(\w+)(?:: \w+)? = npt\.NDArray\[([\w.]+)\]$", re.MULTILINE)
ARRAYS = PACKAGE / "model" / "arrays.py"


def test_no_module_names_an_array_type_again():
    known = {dtype for _, dtype in ALIAS.findall(ARRAYS.read_text(encoding="utf-8"))}
    assert {"np.float64", "np.bool_", "Any"} <= known
    again = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.rglob("*.py")
        # The aliases of kernels say the number of dimensions too: code is compiled by them.
        if path != ARRAYS and "kernels" not in path.parts
        for name, dtype in ALIAS.findall(path.read_text(encoding="utf-8"))
        if dtype in known
    }
    assert again == set()
