"""Honest evaluation: everything that can be said about one stream of hourly returns, and how far it can be trusted.

`stream` is what is judged; `metrics`, `trips`, `periods` and `calibration` describe it; `baselines` say what no skill
would have earned; `bootstrap`, `luck` and `overfitting` how much of it may be chance; `report` puts it together.
Figures that are undefined are None, never NaN, because they are kept as JSON; randomness comes from a seed argument.
"""
