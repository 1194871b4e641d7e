"""Exit codes of the command line; those of errors are in ``pvtprof.errors``."""

from __future__ import annotations

#: A formula disagrees with a counter, or a check found a change.
DISAGREES = 1
#: A defect of pvtprof (as in ``sysexits.h``): different from a change that a check found.
DEFECT = 70
#: Nothing decides the question: no convention gives a printed figure.
UNDECIDED = 3
