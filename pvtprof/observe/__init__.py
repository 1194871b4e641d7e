"""The witnesses that watch a real module run: counters, live bytes, the clock.

In: a module and its inputs. Out: counts, moments, samples.
It may import models, designs, the ground floor and torch; never analytic.
"""
