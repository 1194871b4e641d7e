"""The witnesses that watch a real module run: counters, live bytes, the clock.

In: a module and its inputs. Out: counts, moments, samples.
It may import models, designs, the ground floor and torch; never analytic.

Where: what builds a module is in ``subject`` (pvtprof's own) and ``target`` (a user's); what asks
a library for a count is a file of its own, and becomes a witness by its entry in
``run/witnesses``; the clock is ``latency``, the process that is timed ``worker``, and what
starts such processes ``sides``. ``environment`` asks the machine, ``machine`` holds the answers.
A device is a class behind ``device``: the CPU's is there, a GPU's in ``cuda``.
"""
