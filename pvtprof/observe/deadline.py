"""A limit on what a user's code may take in this very process: what never returns is ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pvtprof.errors import UnavailableError

#: A call may take so many times the budget, and so many seconds in any case.
TIMES, LEAST_S = 20, 60.0
#: A timed process of pvtprof's own that does not answer for so long is given up.
SLOWEST_S = 300.0
#: What does not heed the alarm (a kernel that never returns) is ended so much later.
GRACE_S = 5.0


class _TimeUpError(BaseException):
    """No Exception, so that a user's ``except Exception`` lets it through."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long one call of a user's code may take, and whether the process may be ended for it.

    ``may_exit`` is for the command line: a kernel that never returns can be ended in no other way.
    """

    seconds: float = LEAST_S
    may_exit: bool = False

    @contextmanager
    def over(self, what: str) -> Iterator[None]:
        """Raise UnavailableError where what is done meanwhile takes longer."""
        message = (
            f"{what} did not end within {self.seconds:g} s; is it stuck? Raise --budget if it is "
            "slow"
        )
        with _ended_after(self.seconds + GRACE_S, message) if self.may_exit else _nothing():
            try:
                with _alarm(self.seconds):
                    yield
            except _TimeUpError:
                raise UnavailableError(message) from None


def of_budget(budget_s: float, may_exit: bool = False) -> Limit:
    """Return the limit that goes with a budget of so many seconds."""
    return Limit(max(LEAST_S, TIMES * budget_s), may_exit)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise in the main thread after so many seconds, and each second from then on."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise _TimeUpError

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


@contextmanager
def _ended_after(seconds: float, message: str) -> Iterator[None]:
    """End the process after so many seconds, with the message and exit code of the error."""

    def end() -> None:
        os.write(2, f"pvtprof: {message}\n".encode())
        os._exit(UnavailableError.exit_code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
