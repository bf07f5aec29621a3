"""Pictures of one request on their way through the workers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tflconv.service.generation import Served
from tflconv.service.jobs import Outcome
from tflconv.service.pool import Pool
from tflconv.service.problems import Problem


class Asking:
    """A request whose pictures were given to the workers.

    Args:
        served: The model.
        pool: The workers.
        pictures: The picture files.
        top: How many classes of each are told.

    Attributes:
        served: The model.
        jobs: One per picture.
        began: When the pictures were given.
    """

    def __init__(self, served: Served, pool: Pool, pictures: Sequence[bytes], top: int) -> None:
        self.served, self._pool = served, pool
        self.began = time.perf_counter()
        self.jobs = [pool.submit(served.name, picture, top) for picture in pictures]

    def abandon(self) -> None:
        """Forget the pictures that are not told yet: nobody waits for them any more."""
        for job in self.jobs:
            if not job.is_over:
                self._pool.abandon(job)

    async def outcomes(self) -> list[Outcome]:
        """Wait for all pictures, and return what they were taken for.

        Raises:
            Problem: One of them cannot be told: the first by its place, with that place.
            Gone: They were abandoned meanwhile.
        """
        outcomes = list[Outcome]()
        try:
            for job in self.jobs:
                outcomes.append(await job.outcome())
        except Problem as problem:
            if len(self.jobs) > 1:
                problem.more["picture"] = len(outcomes)
            raise
        finally:
            self.abandon()
        return outcomes
