"""The real PVT v1 and v2 networks, with the official parameter names."""
