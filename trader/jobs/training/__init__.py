"""Training: search a recipe, judge it, let it challenge the champion. The job is `job.py`, read it top to bottom."""
