"""The real networks and attention modules, as torch runs them.

In: a design. Out: a torch module.
It may import designs, the ground floor and torch; never analytic.
"""
