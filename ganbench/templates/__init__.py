"""What `ganbench new` writes: one working plugin of each kind, and the test that goes beside it."""
