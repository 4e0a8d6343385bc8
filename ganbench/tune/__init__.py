"""Searching for settings: ask for trials, carry them out, choose the best. Files are the only memory."""
