"""Words that the documentation does not use, each with what to write (CONVENTIONS, section 6)."""

from __future__ import annotations

#: A pattern, and what to write in its place.
PLAIN = {
    r"afresh|anew": "again; new",
    r"at no price|at any price": "never; always",
    r"by its own lights": "by its own rule",
    r"cr(?:y|ies) wolf": "fail without a reason; a false alarm",
    r"crowd": "running threads",
    r"dear(?:er)?": "expensive",
    r"gone (?:on|through) with?": "continued; results",
    r"in print": "printed",
    r"keeps? to (?:that|it)": "is within the limits",
    r"lockstep": "in turns",
    r"part company": "differ",
    r"to the last digit": "exactly",
    r"what .* the one that matters": "the summary line",
    r"whoever|whosoever": "a reader who",
    r"with(?:out)? a word": "silently",
}
