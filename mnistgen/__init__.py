"""Train, measure and compare small generative models of handwritten digits."""

__version__ = "0.1.0"
