"""A registry server on Starlette, in front of :class:`regstore.AsyncRegistry`."""
