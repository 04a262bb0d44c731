"""Space-time diagrams of simulated runs."""

from regstore.testing.simulation.diagram.drawing import draw

__all__ = ["draw"]
