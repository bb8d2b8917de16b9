"""Entry point of the console script and of ``python -m biomarker_cli``."""

import atexit
import gc
import os

# Cases compute with one thread, and one is what numpy takes from its first import on:
# otherwise the threads of OpenBLAS wait for work, at full load, in every short command.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# At its end Python looks several times through all objects for cycles, though the
# system takes the memory back anyway: a quarter of the time of a short command.
# Registered first, it runs behind whatever else has to be closed or removed.
atexit.register(gc.freeze)

from biomarker_cli.cli.main import main  # noqa: E402 - behind what numpy reads
from biomarker_cli.collector import collect_less  # noqa: E402

collect_less()

if __name__ == "__main__":
    main()
