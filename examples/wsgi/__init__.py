"""A registry server in plain WSGI, in front of :class:`regstore.Registry`."""
