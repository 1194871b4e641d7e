"""Latency predicted from an operator list by a calibration of the machine.

In: operator lists, and measured probes. Out: seconds, and how sure they are.
It may import observe, analytic, designs and the ground floor.

Where: ``calibrate`` measures a machine, ``calibration`` holds what was found and predicts by it,
``kept`` finds the calibration of this machine; ``choose`` searches the designs of a ``space``.
"""
