"""Azure Blob Storage as a store of objects."""

from regstore.drivers.azure.settings import Settings
from regstore.drivers.azure.store import AzureStore, azure_store

__all__ = ["AzureStore", "Settings", "azure_store"]
