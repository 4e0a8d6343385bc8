"""ganbench: which GAN variant is better, on what, by how much, and can I believe it?"""

__version__ = "0.1.0"
