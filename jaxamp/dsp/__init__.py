"""Signal processing without networks: level, filters, spectrum, alignment, signals."""
