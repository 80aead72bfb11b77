"""What a report measures: excerpts, levels, spectra, and tones through a model."""
