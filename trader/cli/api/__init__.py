"""The prediction service `trader api` over each symbol's champion: it keeps its predictions and writes nothing else."""
