"""The tables that leave: their columns, and how they are written and read."""
