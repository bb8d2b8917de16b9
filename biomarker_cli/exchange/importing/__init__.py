"""Measurements of structured reports that others stored, as rows that are compared."""
