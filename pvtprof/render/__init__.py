"""Runs as text and pages. Nothing is computed here."""
