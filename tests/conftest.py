from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

from tests.object_servers import moto, rclone, seaweedfs

__all__ = ["moto", "rclone", "seaweedfs"]

# A shell that starts the tests in the background has them ignore Ctrl-C, and so their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples do I/O and share two cores with everything else: how long one takes proves nothing.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
