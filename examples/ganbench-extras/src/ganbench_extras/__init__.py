"""An example of a package of ganbench plugins."""
