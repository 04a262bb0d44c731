"""The store of objects that is a Google Cloud Storage bucket."""

from regstore.drivers.gcs.opening import gcs_store

__all__ = ["gcs_store"]
