"""From a file that somebody sent to a clean picture."""
