"""The page of a sweep: its findings, its picture, and the rows behind them.

In: rows of a sweep. Out: HTML, and the answer as text. It may import what its room, report, may.
"""
