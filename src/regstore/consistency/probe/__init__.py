"""Finds out what a live store really does."""

from regstore.consistency.probe.ground import Effort, OpenAnother
from regstore.consistency.probe.report import Finding, ProbeReport
from regstore.consistency.probe.running import probe

__all__ = ["Effort", "Finding", "OpenAnother", "ProbeReport", "probe"]
