"""The name that errors and logs know this driver by."""

NAME = "local"
