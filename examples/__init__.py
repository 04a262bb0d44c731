"""Registry servers that embed regstore."""
