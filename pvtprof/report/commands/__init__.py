"""What the commands beside compare and check print: a file for each, and ``listing`` for tables.

In: the result of a command. Out: text, or a page. It may import what its room, report, may import.
"""
