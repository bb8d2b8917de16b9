"""What is imported in place of the extension `compiled` where that has not been built.

An extension module goes before a module of the same name, so nobody sees this one in an
installation that is whole. Loops of Python would give the same numbers, hours later.
"""

from biomarker_cli.kernels.errors import KernelsError

raise KernelsError(
    "KERNELS-NOT-BUILT",
    "the compiled kernels are missing",
    # No place: a table may quote this, and tables hold no paths of this machine.
    hint="Run `make setup` in a checkout, or install the wheel again.",
)
