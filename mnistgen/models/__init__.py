"""The models; a further one is a class here or anywhere, and a file in conf/model/."""

from mnistgen.models.burda import BurdaVAE
from mnistgen.models.gan import GAN
from mnistgen.models.paper import CNNGAN, CNNVAE, DenseGAN, DenseGANDeep, DenseVAE
from mnistgen.models.vae import VAE

__all__ = ["CNNGAN", "CNNVAE", "GAN", "VAE", "BurdaVAE", "DenseGAN", "DenseGANDeep", "DenseVAE"]
