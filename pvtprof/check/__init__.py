"""The gates: exact figures, base against head, stored times, samples.

In: a baseline or a base, and what runs now. Out: a verdict for every row.
It may import sweep, run and the rooms below them; not report.

Where: a gate is an entry of ``GATES`` in ``gates``, and what it compares is in a file of its own
(``exact_figures``, ``stored_times``, ``paired``, ``sample_files``; ``stored_sweep`` where the
baseline is a sweep's store); ``judgement`` has the statistics; ``ci`` and ``formats`` have what a
CI system reads.
"""
