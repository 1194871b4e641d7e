"""Witnesses that watch the real networks run. They know no formula."""
