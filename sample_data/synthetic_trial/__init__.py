"""A synthetic imaging trial with known answers.

The package writes the sample data and the truth table beside it. It must not
import the product: the truth has to stand on its own.
"""
