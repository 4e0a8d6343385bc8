"""The sanity suite: real data, corrupted in known ways, and what each metric makes of it."""
