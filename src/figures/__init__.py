"""The figures of a report: data in, a matplotlib figure out. No statistics, no MLflow, no files but `save`.

`src.figures.gallery.draw_all` is the way in; each figure has a file of its own.
"""
