"""Pictures of a run, and what TensorBoard shows of it."""

from jaxamp.report.board import show_on_board
from jaxamp.report.figures import first_look

__all__ = ["first_look", "show_on_board"]
