"""The sections of the article, one file each; `src.report.article` puts them together."""
