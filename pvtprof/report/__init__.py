"""What a run says, for people: sentences, figures, pages, tables.

In: runs. Out: text and HTML. It measures nothing.
It may import run and the rooms below it; not check. Never torch.

Where: a wording after the table is in ``sentences`` (the verdict) or ``notes`` (remarks); a chart
is a file in ``figures/``, the section that shows it in ``sections``; ``terminal``, ``markdown``
and ``html`` lay them out; ``output`` chooses the format by a file's name and writes it.
"""
