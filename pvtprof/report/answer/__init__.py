"""The answer of a run, the same in the terminal, in Markdown and on the page.

In: a run of one comparison. Out: its sentences, and the table of its designs.
It may import what its room, report, may import.

Where: ``answer`` puts it together; ``facts`` are read off the run, ``choice`` decides by them,
``answer_words`` says it, and ``assets/answer.js`` says the same of other settings; ``answer_table``
has the lines of the table, ``surprise`` what is not as one expects, ``by_size`` other image sizes
(in the terminal alone).
"""
