"""What a run says, for people: sentences, figures, pages, tables.

In: runs. Out: text and HTML. It measures nothing.
It may import sweep, run and the rooms below them; not check, not models. Never torch.

Where: a format of a run is a module (``markdown``), its suffix an entry in ``output`` and in
``pvtprof.files``. ``terminal_answer`` lays out what ``compare`` prints (the lines of its table are
in ``answer/answer_table``), ``terminal_full`` the tables that --full adds. A section of the page,
its picture and what it finds are in ``sections/``; the answer and its words in ``answer/``; what
other commands print in ``commands/``. ``sentences`` says whether formulas and counters agree,
``notes`` what to know beside the table. ``figures/`` are plotly charts for Python
(``run.figures()``): no section draws them.
"""
