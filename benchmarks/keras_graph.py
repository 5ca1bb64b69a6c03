"""The column of TensorFlow: Keras's layers and optimizer, and a step that is one graph."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.clock import Clock
from benchmarks.project import Job


def network(layers: Sequence[tuple[str, dict[str, Any]]]) -> keras.Model:
    """A network of layers, each of which is a class of Keras and its arguments."""
    return keras.Sequential([getattr(keras.layers, kind)(**values) for kind, values in layers])


def gan_losses(generator: Any, discriminator: Any, images: Any, z: Any) -> list[Any]:
    """The losses of generator and discriminator, from one pass of each network."""
    fake_logits = discriminator(generator(z, training=True), training=True)
    real_logits = discriminator(2 * images - 1, training=True)
    on_real = tf.reduce_mean(tf.nn.softplus(-real_logits))
    on_fake = tf.reduce_mean(tf.nn.softplus(fake_logits))
    return [tf.reduce_mean(tf.nn.softplus(-fake_logits)), on_real + on_fake]


def vae_losses(encoder: Any, decoder: Any, images: Any, noise: Any) -> list[Any]:
    """-ELBO in nats an image, the one loss of both networks."""
    mu, log_var = tf.split(encoder(images, training=True), 2, axis=1)
    logits = decoder(mu + tf.exp(log_var / 2) * noise, training=True)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
    reconstruction = tf.reduce_sum(cross_entropy, axis=[1, 2, 3])
    kl = tf.reduce_sum(tf.square(mu) + tf.exp(log_var) - log_var - 1, axis=1) / 2
    return [tf.reduce_mean(reconstruction + kl)]


def make_step(first: keras.Model, second: keras.Model, lr: float) -> Callable[[Any], Any]:
    """An update on images in [0, 1], (B, 28, 28, 1), that returns its losses."""
    is_gan = len(first.input_shape) == 2  # its first network reads latents
    latent_dim = (first if is_gan else second).input_shape[1]
    loss_function = gan_losses if is_gan else vae_losses
    variables = [network.trainable_variables for network in (first, second)]
    groups = variables if is_gan else [variables[0] + variables[1]]
    optimizers = [keras.optimizers.Adam(lr, epsilon=1e-8) for _ in groups]

    def step(images: Any) -> Any:
        z = tf.random.normal((tf.shape(images)[0], latent_dim))
        with tf.GradientTape(persistent=True) as tape:
            losses = loss_function(first, second, images, z)
        for optimizer, loss, group in zip(optimizers, losses, groups, strict=True):
            optimizer.apply_gradients(zip(tape.gradient(loss, group), group, strict=True))
        return losses

    return step


def run(job: Job, clock: Clock) -> None:
    """Train from bytes in memory; the graph gathers a batch, too."""
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    config = job.config()
    keras.utils.set_random_seed(config["seed"])
    images = tf.constant(np.load(job.folder / "images.npy"))
    epochs = np.load(job.folder / "batches.npy")
    first, second = map(network, json.loads((job.folder / "networks.json").read_bytes()))
    step = make_step(first, second, config["optim"]["lr"])

    @tf.function
    def graph(indices: Any) -> Any:
        return step(tf.cast(tf.gather(images, indices), tf.float32) / 255)

    while True:
        epoch = epochs[clock.begin()]
        batches = [tf.constant(indices) for indices in epoch[: clock.steps]]
        clock.mark("start")
        for indices in batches:
            losses = graph(indices)
            clock.step()
        for loss in losses:
            loss.numpy()  # it waits for the last step
