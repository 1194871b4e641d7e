"""In: rows asked for, as a grid. Out: their figures, in a file of rows or in a store.

A grid of many settings, the store that survives anything, the loop and the workers that measure.
A module here may import the rooms below ``run`` and ``run`` itself; pyarrow and dask, which are
extras, are imported when they are used.
"""
