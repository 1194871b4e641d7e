"""One stream of a GPU on a clock: launches are queued, and what is queued runs in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Stream:
    """When each thing in the stream has run, by a clock that is real or virtual.

    ``queue`` launches may wait; who launches more waits until there is room.
    """

    def __init__(
        self, now: Callable[[], float], sleep: Callable[[float], None], queue: int = 1024
    ) -> None:
        self.now, self.sleep, self.queue = now, sleep, queue
        self.free_at = 0.0
        self.ends: deque[float] = deque()

    def launch(self, seconds: float) -> None:
        """Queue a kernel of so many seconds."""
        now = self.now()
        while self.ends and self.ends[0] <= now:
            self.ends.popleft()
        if len(self.ends) >= self.queue:
            self.sleep(self.ends[len(self.ends) - self.queue] - self.now())
        self.free_at = max(self.free_at, self.now()) + seconds
        self.ends.append(self.free_at)

    def mark(self) -> float:
        """The time at which all that is queued will have run."""
        return max(self.free_at, self.now())

    def synchronize(self) -> None:
        """Wait for all that is queued."""
        if (left := self.free_at - self.now()) > 0:
            self.sleep(left)
