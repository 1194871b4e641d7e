"""Modules that the tests of `pvtprof check --target` hold to a baseline."""
