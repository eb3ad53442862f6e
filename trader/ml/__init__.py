"""Machine learning without I/O: datasets, the classifier, training."""
