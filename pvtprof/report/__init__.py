"""What a run says, for people: sentences, figures, pages, tables.

In: runs. Out: text and HTML. It measures nothing.
It may import run and the rooms below it; not check. Never torch.

Where: ``output`` chooses the format by a file's name; ``terminal_answer`` lays out what ``compare``
prints (the table's lines are in ``answer/answer_table``), ``terminal_full`` the tables that --full
adds, ``markdown`` and ``page/html`` the rest. A finding, and a section of the page with its chart,
are in ``sections/``; the answer and its words in ``answer/``; what the other commands print in
``commands/``. ``sentences`` says whether formulas and counters agree, ``notes`` what to know beside
the table. ``figures/`` are plotly charts for Python (``run.figures()``): no section draws them.
"""
