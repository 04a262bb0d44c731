"""An HTTP proxy in front of a real S3 server, which fails and lags as others do, when told to."""
