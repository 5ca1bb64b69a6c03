from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

from mnistgen.inference import model
from mnistgen.models import DenseVAE
from mnistgen.report import latents


@pytest.fixture
def load(make):
    def trained(name, **changed):
        return model.load(make(name, name, checkpoint=True, changed=changed), "last")

    return trained


def test_principal_components_are_those_of_the_covariance():
    points = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)).double()
    points = points * torch.tensor([3.0, 1.0, 0.5, 2.0, 0.1]) + 7
    values, vectors = np.linalg.eigh(np.cov(points.numpy().T))
    turned, shares = latents.principal(points)
    assert np.allclose(shares.numpy(), values[::-1] / values.sum())
    expected = (points - points.mean(0)).numpy() @ vectors[:, ::-1]
    assert np.allclose(np.abs(turned.numpy()), np.abs(expected))


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_a_plane_has_the_two_latents_or_two_components(load, latent_dim):
    plane = latents.plane(load("densevae", **{"model.latent_dim": latent_dim}))
    assert plane.points.shape == (latents.TEST_IMAGES, 2)
    assert set(plane.digits.tolist()) == set(range(10))
    assert plane.axes[0].startswith("latent 1" if latent_dim <= 2 else "principal component 1")


def test_images_without_labels_have_no_plane():
    trained = SimpleNamespace(
        model=DenseVAE(latent_dim=2), test_set=lambda: (torch.rand(9, 1, 28, 28), None)
    )
    assert latents.plane(trained) is None


def test_the_decoder_in_the_page_makes_the_models_pictures_at_half_the_size(load):
    trained = load("densegan_deep")
    toy = latents.toy(trained)
    z = torch.randn(3, 392, generator=torch.Generator().manual_seed(0))
    (images,) = onnxruntime.InferenceSession(toy.onnx).run(["images"], {"latents": z.numpy()})
    assert np.allclose(images, trained.model.decode(z).numpy(), atol=5e-3)
    assert len(toy.onnx) < 0.55 * 4 * 1_216_684
    assert toy.directions.shape == (latents.DIRECTIONS, 392)
    assert not toy.are_dimensions
    assert np.allclose(toy.directions @ toy.directions.T, np.eye(latents.DIRECTIONS), atol=1e-5)


def test_few_latents_have_a_slider_each(load):
    toy = latents.toy(load("densevae"))
    assert toy.are_dimensions
    assert np.array_equal(toy.directions, np.eye(4))
