"""The sections of a run's page, with their pictures and their words.

In: a run of one comparison. Out: a value with title, texts and numbers, which a template draws.
It may import what its room, report, may import.

Where: a section is a file here (``answer_section``, ``where``, ``clock``, ``growth``...), an entry
in ``SECTIONS`` and ``NAMES`` and a field of ``Block`` in ``page/html``, a template in
``templates/sections`` and, where it follows the bar, a script in ``assets``. What it finds is said
in ``clock_words``, ``growth_words``, ``bars_drawn`` and ``bars_time_drawn`` (for ``where``),
``live`` (``memory``), ``picture_panel`` (``inside``), ``trust`` and ``measured``.
"""
