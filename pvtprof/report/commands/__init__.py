"""What calibrate, choose, fit, formula, query and reconcile print.

In: the result of a command. Out: text, or a page. It may import what its room, report, may import.
"""
