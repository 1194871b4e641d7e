"""The join of formulas and witnesses, row by row, and the file that keeps it.

In: designs and settings. Out: a run.
It may import predict, observe, analytic, models, designs and the ground floor.
"""
