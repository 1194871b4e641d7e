"""Grids of many settings, the store that survives anything, and the workers that measure.

In: rows asked for, as a grid. Out: their figures, in a file of rows or in a store.
It may import run and the rooms below it; pyarrow and dask, which are extras, when they are used.

Where: ``grid`` says which rows are asked for, ``closed_forms`` fills them, ``schema`` and ``store``
keep them; ``worker`` and ``measuring`` time them, ``cluster`` elsewhere; ``reading`` and ``frame``
hand them out.
"""
