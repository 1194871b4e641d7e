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


class DeviceMemoryError(UnavailableError):
    """The device has no memory left for what was asked of it."""


class DeviceLostError(UnavailableError):
    """The device failed in a way after which nothing more can be asked of it."""


class RunInterruptedError(PvtprofError):
    """Ctrl-C ended a run; the message says what became of the samples."""

    exit_code = 130
