"""From the runs of an experiment to a comparison that answers the question: `src.report.make.make_report`."""
