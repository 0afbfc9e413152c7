"""How this project talks to Jupyter kernels: as nbclient does, but no lost wake-up can hang it."""

import math
import queue
import time
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type


class PatientChannel(AsyncZMQSocketChannel):
    """Looks for messages every second: a wake-up that got lost has cost ten minutes."""

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        """Wait for a message, as the channel it is made from does."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await super().get_msg(max(0.0, min(1.0, deadline - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise


class PatientClient(AsyncKernelClient):
    """A client whose channels do."""

    shell_channel_class = iopub_channel_class = Type(PatientChannel)
