"""A simulated device on a virtual clock."""
