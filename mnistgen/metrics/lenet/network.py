"""The classifier whose features the quality metrics compare."""

import torch
from torch import Tensor, nn

from mnistgen.models.mode import inference


class LeNet(nn.Module):
    """Logits of some classes, (B, classes), from images in [0, 1], (B, 1, 28, 28).

    Source: Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998,
    section II.B, with ReLU, max pooling and fewer, wider layers.
    """

    num_features = 64

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32 * 5 * 5, self.num_features),
            nn.ReLU(),
        )
        self.head = nn.Linear(self.num_features, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(images))
        return logits


@inference
def extract(lenet: LeNet, images: Tensor) -> Tensor:
    """The features, (N, 64), of any number of images in [0, 1], (N, 1, 28, 28)."""
    return torch.cat([lenet.body(batch) for batch in torch.split(images, 1_000)])


@inference
def classify(lenet: LeNet, features: Tensor) -> Tensor:
    """The probabilities of the classes, (N, classes), from features (N, 64)."""
    probabilities: Tensor = lenet.head(features).softmax(1)
    return probabilities


def accuracy(lenet: LeNet, images: Tensor, labels: Tensor) -> float:
    """The share of images in [0, 1], (N, 1, 28, 28), read as their labels (N,) say."""
    read = classify(lenet, extract(lenet, images)).argmax(1)
    return (read == labels).double().mean().item()
