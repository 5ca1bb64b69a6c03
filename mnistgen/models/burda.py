"""The VAE of the published likelihoods on MNIST, which is not in the paper of the other five.

Source: Y. Burda et al., "Importance Weighted Autoencoders", 2016, section 5: one stochastic layer.
"""

from typing import Any, final

from torch import nn

from mnistgen.models.layers import Flatten, Reshape, Rows, dense
from mnistgen.models.vae import VAE


@final
class BurdaVAE(VAE):
    """784-200-200-50 and back, for tanh and no batch norm, from X. Glorot and Y. Bengio's weights.

    Burda et al. begin with the logits of the mean image as the output's bias; here it is 0, for a
    model is made without data.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def encoder_rows(self) -> Rows:
        return (
            Flatten(),
            dense(200),
            dense(200),
            dense(2 * self.latent_dim),  # mean and log-variance
        )

    def decoder_rows(self) -> Rows:
        return (
            dense(200),
            dense(200),
            dense(784),
            Reshape(28, 28),
        )
