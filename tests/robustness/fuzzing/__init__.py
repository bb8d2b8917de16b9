"""Fuzzing: damaged inputs of every kind go in, a result or a named error comes out.

``seeds`` makes whole inputs, ``mutations``, ``elements`` and ``texts`` damage them,
``targets`` puts them through the product, ``runner`` does so in warm processes.
"""
