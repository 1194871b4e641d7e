"""Closed forms: what attention costs on paper. Never imports torch."""
