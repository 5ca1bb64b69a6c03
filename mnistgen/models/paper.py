"""The paper's five models: Tables 1 and 2, one line a row.

Where the paper contradicts itself, docs/decisions.md says what is done and why.
Source: N. K. Gaikwad, "GAN and VAE for MNIST", University of Florida, 2020.
"""

from typing import final

from mnistgen.models.gan import GAN
from mnistgen.models.layers import Flatten, Reshape, Rows, conv, conv_transpose, dense
from mnistgen.models.vae import VAE


@final
class DenseGAN(GAN):
    """Table 1, columns 3 and 4; the noise has 10 dimensions."""

    def generator_rows(self) -> Rows:
        return (
            dense(100),
            dense(300),
            dense(600),
            dense(784),
            Reshape(28, 28),
        )

    def discriminator_rows(self) -> Rows:
        return (
            Flatten(),
            dense(600),
            dense(300),
            dense(100),
            dense(1),
        )


@final
class DenseGANDeep(GAN):
    """Table 1, columns 1 and 2; the noise has 392 dimensions."""

    def generator_rows(self) -> Rows:
        return (
            dense(100),
            dense(200),
            dense(300),
            dense(400),
            dense(500),
            dense(600),
            dense(784),
            Reshape(28, 28),
        )

    def discriminator_rows(self) -> Rows:
        return (
            Flatten(),
            dense(600),
            dense(500),
            dense(400),
            dense(300),
            dense(200),
            dense(100),
            dense(1),
        )


@final
class CNNGAN(GAN):
    """Table 1, columns 5 and 6; the noise has 10 dimensions."""

    def generator_rows(self) -> Rows:
        return (
            dense(7 * 7 * 128),
            Reshape(7, 7, 128),
            conv_transpose(64, 5, 2),
            conv_transpose(32, 5, 1),
            conv_transpose(1, 5, 2),
        )

    def discriminator_rows(self) -> Rows:
        return (
            conv(32, 5, 2),
            conv(64, 5, 2),
            conv(128, 5, 2),
            Flatten(),
            dense(1),
        )


@final
class DenseVAE(VAE):
    """Table 2, columns 1 and 2; the latent has 4 dimensions."""

    def encoder_rows(self) -> Rows:
        return (
            Flatten(),
            dense(600),
            dense(300),
            dense(100),
            dense(50),
            dense(2 * self.latent_dim),  # mean and log-variance
        )

    def decoder_rows(self) -> Rows:
        return (
            dense(50),
            dense(100),
            dense(300),
            dense(600),
            dense(784),
            Reshape(28, 28),
        )


@final
class CNNVAE(VAE):
    """Table 2, columns 3 and 4; the latent has 10 dimensions."""

    def encoder_rows(self) -> Rows:
        return (
            conv(32, 5, 2),
            conv(64, 5, 2),
            conv(128, 5, 2),
            Flatten(),
            dense(2 * self.latent_dim),  # mean and log-variance
        )

    def decoder_rows(self) -> Rows:
        return (
            dense(7 * 7 * 128),
            Reshape(7, 7, 128),
            conv_transpose(64, 5, 2),
            conv_transpose(32, 5, 1),
            conv_transpose(16, 5, 2),
            conv_transpose(1, 5, 1),  # the table's stride 2 would give 56 x 56
        )
