from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.object_servers import moto, rclone, seaweedfs

__all__ = ["moto", "rclone", "seaweedfs"]

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
