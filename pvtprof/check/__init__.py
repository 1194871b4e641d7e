"""The gates: exact figures, base against head, stored times, samples.

In: a baseline or a base, and what runs now. Out: a verdict for every row.
It may import run and the rooms below it; not report.
"""
