"""The page as one HTML file: the frame around the sections, its bar and explorer, and the index.

In: runs. Out: HTML that needs no network. It may import what its room, report, may import.

Where: ``html`` has ``SECTIONS``, the sections in their order; ``page`` fills the templates.
"""
