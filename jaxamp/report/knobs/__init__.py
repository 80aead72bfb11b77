"""The part of a report that lets its reader turn the knobs of a model."""
