"""A study: its file, its cases, the runner, the result store and the tables."""
