"""Entry point of the console script and of ``python -m biomarker_cli``."""

from biomarker_cli.cli.main import main

if __name__ == "__main__":
    main()
