"""The join of formulas and witnesses, row by row, and the file that keeps it.

In: designs and settings. Out: a run.
It may import predict, derive, observe, analytic, models, designs and the ground floor.

Where: ``compare`` makes a run, ``observer`` lets the witnesses see its rows; a witness beside its
formula is a file in ``witnesses/``. ``store`` writes the JSON of a run and reads it into the typed
``documents``, through ``pvtprof.decode``, which parses and checks JSON files;
``frame`` has the columns of pandas and CSV.
"""
