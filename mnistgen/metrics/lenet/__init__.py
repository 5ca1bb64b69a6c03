"""The feature network of the quality metrics: a small classifier."""
