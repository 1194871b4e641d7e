"""Latency predicted from an operator list by a calibration of the machine.

In: operator lists, and measured probes. Out: seconds, and how sure they are.
It may import observe, analytic, designs and the ground floor.

Where: ``calibrate`` measures, ``calibration`` is what it found and predicts, ``kept`` finds that of
this machine; ``choose`` searches the designs of a ``space``.
"""
