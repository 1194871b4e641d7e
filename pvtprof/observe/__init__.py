"""The witnesses that watch a real module run: counters, live bytes, the clock.

In: a module and its inputs. Out: counts, moments, samples.
It may import models, designs, the ground floor and torch; never analytic.

Where: what builds a module is in ``subject`` (pvtprof's own) and ``target`` (a user's); a counter
is a file of its own; the clock is ``latency``, the process that is timed ``worker``, and what
starts such processes ``sides``. ``environment`` asks the machine, ``machine`` holds the answers.
A device is a class behind ``device``: the CPU's is there, a GPU's in ``cuda``.
"""
