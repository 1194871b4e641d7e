"""The command line: parse, call, write.

In: words. Out: an exit code, text on stdout, files. It may import every room.
"""

import gc

gc.set_threshold(50_000)  # starting makes little garbage; looking for it took 6 % of the start

from pvtprof.cli.app import main  # noqa: E402 # after that

__all__ = ["main"]
