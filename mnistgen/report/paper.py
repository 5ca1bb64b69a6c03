"""The paper's own facts: its models, its Table 3, its claims, and what is not as it says.

Source: N. K. Gaikwad, "GAN and VAE for MNIST", University of Florida, 2020.
"""

from functools import cache
from typing import Any

from mnistgen.config import compose, settings
from mnistgen.config.objects import choices
from mnistgen.config.settings import Settings
from mnistgen.tracking import Group

GANS = "densegan", "densegan_deep", "cnngan"
VAES = "densevae", "cnnvae"
MODELS = GANS + VAES  # the paper's five, in the order in which everything shows them

RATE = 1e-4  # the learning rate that the paper's claims are about
BATCH = 128

TABLE_3: dict[str, Any] = {
    "model.latent_dim": {
        "densegan": 10, "densegan_deep": 392, "cnngan": 10, "densevae": 10, "cnnvae": 10,
    },
    "trainer.max_epochs": 50,
    "data.batch_size": BATCH,
    "optim": "torch.optim.Adam",
    "optim.lr": {
        "densegan": 1e-5, "densegan_deep": 1e-6, "cnngan": 1e-4, "densevae": 1e-4, "cnnvae": 1e-4,
    },
    "model.activation": "relu",
    "model.batch_norm": True,
    "data.val_size": 0,
    "lr": "mnistgen.schedules.constant",
}  # fmt: skip
"""Table 3 and the text around it: one value for all models, or one for each."""

CLAIMS = {
    "C1": "CNNGAN's samples resemble digits to an extent.",
    "C2": "DenseGAN and DenseGAN-Deep fail to make meaningful digits; DenseGAN finds some pattern "
    "in the middle.",
    "C3": "The dense GANs' generator loss falls and discriminator loss rises smoothly, and this "
    "does not mean that they learn; CNNGAN's curve is noisy, and a better rate would help.",
    "C4": "Both VAEs beat the GANs in readability; DenseVAE beats even CNNGAN.",
    "C5": "VAE outputs are hazier, GAN outputs sharper.",
    "C6": "DenseVAE is as good as CNNVAE.",
    "C7": "VAEs confuse 2 and 3, 4 and 9.",
    "C8": "1e-4 is right for DenseVAE and too high for CNNVAE; a larger batch would cut the "
    "noise.",
}
"""What sections 4 and 5 of the paper claim, in short."""


def place(model: str) -> tuple[int, str]:
    """A key to sort models by: the paper's five in their order, then others by name."""
    return (MODELS.index(model) if model in MODELS else len(MODELS), model)


@cache
def recipe(model: str) -> Settings:
    """The settings of the paper's recipe; empty for a model that is not in conf/."""
    return settings.recipe_settings(compose.paper(model)) if model in choices("model") else {}


def agrees(model: str, key: str, value: Any) -> bool:
    """Whether a setting is as in Table 3 or the recipe, or one of which the paper is silent."""
    says = TABLE_3.get(key, recipe(model).get(key))
    if isinstance(says, dict):
        says = says.get(model, value)
    return settings.is_silent(key, value) or value == says


def changes(group: Group) -> tuple[str, ...]:
    """What a group has otherwise than the paper says, as key=value."""
    return settings.differences(group.settings, recipe(group.model), silent=False)


def details(group: Group) -> tuple[str, ...]:
    """What a group has otherwise than `experiment=paper`, and the paper says nothing of."""
    return settings.differences(group.settings, recipe(group.model), silent=True)


def is_papers(group: Group) -> bool:
    """Whether a group follows the paper's recipe in all of which the paper speaks."""
    return not changes(group)
