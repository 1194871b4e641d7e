"""What a run says, for people: sentences, figures, pages, tables.

In: runs. Out: text and HTML. It measures nothing.
It may import sweep, run and the rooms below them; not check, not models. Never torch.

Where: a format of a run is a module (``markdown``), its suffix a branch of ``text`` in ``output``
and entries of ``MARKS`` and ``OF_A_RUN`` in ``pvtprof.files``. ``terminal_answer`` lays out what
``compare`` prints (the lines of its table are in ``answer/answer_table``), ``terminal_full`` the
tables that --full adds. A section of the page, its picture and what it finds are in ``sections/``;
the answer and its words in ``answer/``; what other commands print in ``commands/``, with the tables
of ``listing``. ``sentences`` says whether formulas and counters agree, ``notes`` what else to know.
``figures/`` are plotly charts for Python (``run.figures()``): no section draws them. These folders
sort the files; they are no layers.
"""
