"""Pictures of a run."""

from jaxamp.report.figures import first_look

__all__ = ["first_look"]
