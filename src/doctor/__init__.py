"""Is this machine fit to measure? What is read of it (`state`), what that means (`checks`), and how it is told."""
