"""What a run says, for people: sentences, figures, pages, tables.

In: runs. Out: text and HTML. It measures nothing.
It may import run and the rooms below it; not check. Never torch.
"""
