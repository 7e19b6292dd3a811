"""A dead man's switch: an address is asked for every minute, as Healthchecks expects it.

Who listens there notices when it is not asked for any more, whatever became of us.
"""

from __future__ import annotations

from monitor.client import HttpClient, Limits
from monitor.errors import FetchError
from monitor.telemetry import logger

log = logger("heartbeat")
EVERY_S = 60.0
LIMITS = Limits(total_s=10.0, max_bytes=64 * 1024, cut_body=True)


class Heartbeat:
    """Asks for ``url``; trouble is logged once until it is over."""

    def __init__(self) -> None:
        self._failing = False

    async def beat(self, client: HttpClient, url: str) -> bool:
        """Ask once; whether the answer was a good one."""
        try:
            response = await client.request("GET", url, limits=LIMITS)
            trouble = "" if response.status < 400 else f"it answered {response.status}"
        except FetchError as error:
            trouble = str(error.kind)  # the sentence may hold the address, which is a secret
        if trouble and not self._failing:
            log.error("the heartbeat does not arrive: %s", trouble)
        elif self._failing and not trouble:
            log.info("the heartbeat arrives again")
        self._failing = bool(trouble)
        return not trouble
