"""The store of objects that is a Google Cloud Storage bucket."""

from regstore.drivers.gcs.opening import gcs_store
from regstore.drivers.gcs.store import GcsStore

__all__ = ["GcsStore", "gcs_store"]
