"""The errors that pvtprof raises; each message names the value, what is allowed and the way out."""


class PvtprofError(Exception):
    """Base of every error that a user can cause; ``exit_code`` is what the command line returns."""

    exit_code = 2


class SpecError(PvtprofError, ValueError):
    """A model, workload or option that cannot be."""


class StoreError(PvtprofError):
    """A result file that cannot be read, or must not be or could not be written."""


class UnavailableError(PvtprofError):
    """What was asked for cannot be measured on this machine (no such device)."""

    exit_code = 3


class RunInterruptedError(PvtprofError):
    """Ctrl-C ended a run; the message says what became of the samples."""

    exit_code = 130
