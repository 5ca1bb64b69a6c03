"""The models; a sixth is one class here or anywhere, and one file in conf/model/."""

from mnistgen.models.gan import GAN
from mnistgen.models.paper import CNNGAN, CNNVAE, DenseGAN, DenseGANDeep, DenseVAE
from mnistgen.models.vae import VAE

__all__ = ["CNNGAN", "CNNVAE", "GAN", "VAE", "DenseGAN", "DenseGANDeep", "DenseVAE"]
