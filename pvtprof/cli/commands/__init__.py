"""The commands, a file a command: a module ``NAME.py`` here is the command ``pvtprof NAME``.

In: words. Out: text, files, an exit code. Each module has its click command as ``command``; the
group finds it by the file's name. It may import every room, the heavy ones inside the function.
"""
