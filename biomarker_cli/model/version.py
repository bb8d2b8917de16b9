"""The version of this program; every table, key and object that leaves names it."""

__version__ = "0.1.0"
