"""The command line: parse, call, write.

In: words. Out: an exit code, text on stdout, files. It may import every room.
"""

from pvtprof.cli.app import main

__all__ = ["main"]
