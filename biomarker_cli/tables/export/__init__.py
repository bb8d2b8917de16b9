"""Exports of the tables of a run to forms of other programs."""
