"""The reference backend: what every op means, in plain torch."""
