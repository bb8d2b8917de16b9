"""The suites of ``biomarker verify``: one module each, which measures with the installed code."""
