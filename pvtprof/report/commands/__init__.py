"""What calibrate, choose, fit, formula, query and reconcile print; ``listing`` has their tables.

In: the result of a command. Out: text, or a page. It may import what its room, report, may import.
"""
