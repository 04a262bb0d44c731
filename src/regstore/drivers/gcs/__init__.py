"""The store of objects that is a Google Cloud Storage bucket."""
