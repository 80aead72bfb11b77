"""Networks in Flax, imported when a model is first played or trained."""
