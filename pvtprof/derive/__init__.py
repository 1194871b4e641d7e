"""Derive: the closed form of any module, traced on symbolic sizes, with its domain.

In: a module and an example input. Out: a Form (MACs, params, bytes, in pieces with domains).
It may import designs, models, observe, the ground floor and torch; never analytic.
"""
