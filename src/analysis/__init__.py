"""Whether one treatment spends less than another, by how much, and whether it matters: pure functions.

No MLflow, no plotting, no files. `src.analysis.analyse.analyse` is the way in.
"""
