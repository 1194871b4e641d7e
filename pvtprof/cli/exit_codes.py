"""Exit codes of the command line; those of errors are in ``pvtprof.errors``."""

from __future__ import annotations

#: A formula disagrees with a counter, or a check found a change.
DISAGREES = 1
#: An error that is pvtprof's own (``sysexits.h``): not to be taken for a change.
DEFECT = 70
