"""A mixture of normals that is fitted to the latents of images, to draw new latents from."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

STEPS = 30
RIDGE = 1e-4  # is added to each variance, so that no component shrinks to a point


class Mixture(nn.Module):
    """Several normals over (dim,), each with a weight; as a buffer it is no parameter.

    Until it is fitted all are standard normals.
    Source: P. Ghosh et al., "From Variational to Deterministic Autoencoders", 2020, section 4.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, components: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, dim))
        # The lower triangles whose products with their transposes are the covariances
        self.register_buffer("factors", torch.eye(dim).repeat(components, 1, 1))

    def distribution(self) -> MixtureSameFamily:
        """The mixture, over (dim,)."""
        normals = MultivariateNormal(self.means, scale_tril=self.factors, validate_args=False)
        weights = Categorical(self.weights, validate_args=False)
        return MixtureSameFamily(weights, normals, validate_args=False)

    def fit(self, z: Tensor) -> None:
        """Fit it to latents (N, dim) by expectation maximisation; their first ones are its start.

        Source: A. P. Dempster et al., "Maximum Likelihood from Incomplete Data", 1977.
        """
        z = z.double()
        n, dim = z.shape
        ridge = RIDGE * torch.eye(dim).to(z)
        weights = torch.full((len(self.weights),), 1 / len(self.weights)).to(z)
        means = z[: len(weights)].clone()
        factors = torch.linalg.cholesky(z.T.cov().view(dim, dim) + ridge).repeat(len(means), 1, 1)
        for _ in range(STEPS):
            # Of each latent, which component it is of: (components, N)
            shares = (weights.log()[:, None] + log_density(z, means, factors)).softmax(0)
            sizes = shares.sum(1)
            weights, means = sizes / n, shares @ z / sizes[:, None]
            apart = z - means[:, None]
            covariances = (shares[..., None] * apart).mT @ apart / sizes[:, None, None]
            factors = torch.linalg.cholesky(covariances + ridge)
        self.weights.copy_(weights)
        self.means.copy_(means)
        self.factors.copy_(factors)


def log_density(z: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """Of latents (N, dim) in each of the normals: (components, N), in nats."""
    distances = torch.linalg.solve_triangular(factors, (z - means[:, None]).mT, upper=False)
    volumes = factors.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True)
    constant = z.shape[1] * math.log(2 * math.pi) / 2
    density: Tensor = -distances.square().sum(1) / 2 - volumes - constant
    return density
