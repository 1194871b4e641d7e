"""Errors of pvtprof. A message says what is wrong, what is allowed, and what to do."""


class PvtprofError(Exception):
    """Base of every error that a user can cause, with the exit code of the command line."""

    exit_code = 2


class SpecError(PvtprofError, ValueError):
    """A model, a setting or an option that is not possible."""


class StoreError(PvtprofError):
    """A file that cannot be read, or that must not or cannot be written."""


class SchemaError(StoreError):
    """A file of another kind, or of a schema that this version does not read."""


class UnavailableError(PvtprofError):
    """Something that cannot be measured on this machine, such as a device that is not there."""

    exit_code = 3


class DeviceMemoryError(UnavailableError):
    """A device whose memory is too small for the measurement."""


class DeviceLostError(UnavailableError):
    """A device that failed, so that nothing more can be measured on it."""


class ProcessDiedError(UnavailableError):
    """A timed process that ended by itself.

    ``status`` is its exit status, less than 0 for a signal; None where the warm process is gone,
    from which the timed ones are forked.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RunInterruptedError(PvtprofError):
    """A run that Ctrl-C ended; the message says where the samples are."""

    exit_code = 130
