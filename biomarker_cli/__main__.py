"""Entry point of the console script and of ``python -m biomarker_cli``."""

import os

# Cases compute with one thread, and one is what numpy takes from its first import on:
# otherwise the threads of OpenBLAS wait for work, at full load, in every short command.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from biomarker_cli.cli.main import main

if __name__ == "__main__":
    main()
