"""The way of one case: from its plan to its result.

No policy about files or retries stands here; a case is a pure function of its
plan. Reading happens at its start, writing is the study's business.
"""
