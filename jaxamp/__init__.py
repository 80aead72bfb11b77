"""jaxamp."""
