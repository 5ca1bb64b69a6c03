"""How good a generative model's images are, and how likely real images are to a VAE."""
