"""Say from lesions over time what a criterion calls each visit; reads tables and a ledger.

A criterion is a file (``protocols/response``): the room knows sums, thresholds and
states, not criteria. What masks cannot say comes from the ledger, and is never inferred.
"""
