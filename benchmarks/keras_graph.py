"""Column e: TensorFlow, with Keras's layers and optimizer, and a step that is one graph."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.blocks import Blocks
from benchmarks.job import Job


class Networks(NamedTuple):
    """Generator and discriminator, or encoder and decoder."""

    first: keras.Model
    second: keras.Model
    latent_dim: int


def network(shape: tuple[int, ...], *rows: keras.Layer) -> keras.Model:
    """Rows of the paper's tables: all but the last with batch norm, as torch has it, and ReLU."""
    weighted = [r for r in rows if not isinstance(r, (layers.Reshape, layers.Flatten))]
    stack = [keras.Input(shape)]
    for row in rows:
        stack.append(row)
        if row in weighted[:-1]:
            stack += [layers.BatchNormalization(momentum=0.9, epsilon=1e-5), layers.ReLU()]
    return keras.Sequential(stack)


def conv(channels: int, stride: int = 2) -> keras.Layer:
    return layers.Conv2D(channels, 5, stride, padding="same")


def up(channels: int, stride: int) -> keras.Layer:
    return layers.Conv2DTranspose(channels, 5, stride, padding="same")


def dense(*units: int) -> list[keras.Layer]:
    return [layers.Dense(n) for n in units]


IMAGE, PIXELS = (28, 28, 1), 784


def densegan() -> Networks:
    generator = network((10,), *dense(100, 300, 600, PIXELS), layers.Reshape(IMAGE))
    discriminator = network(IMAGE, layers.Flatten(), *dense(600, 300, 100, 1))
    return Networks(generator, discriminator, 10)


def densegan_deep() -> Networks:
    units = 100, 200, 300, 400, 500, 600
    generator = network((392,), *dense(*units, PIXELS), layers.Reshape(IMAGE))
    discriminator = network(IMAGE, layers.Flatten(), *dense(*units[::-1], 1))
    return Networks(generator, discriminator, 392)


def cnngan() -> Networks:
    generator = network(
        (10,), *dense(7 * 7 * 128), layers.Reshape((7, 7, 128)), up(64, 2), up(32, 1), up(1, 2)
    )
    discriminator = network(IMAGE, conv(32), conv(64), conv(128), layers.Flatten(), *dense(1))
    return Networks(generator, discriminator, 10)


def densevae() -> Networks:
    encoder = network(IMAGE, layers.Flatten(), *dense(600, 300, 100, 50, 2 * 4))
    decoder = network((4,), *dense(50, 100, 300, 600, PIXELS), layers.Reshape(IMAGE))
    return Networks(encoder, decoder, 4)


def cnnvae() -> Networks:
    encoder = network(IMAGE, conv(32), conv(64), conv(128), layers.Flatten(), *dense(2 * 10))
    decoder = network(
        (10,), *dense(7 * 7 * 128), layers.Reshape((7, 7, 128)),
        up(64, 2), up(32, 1), up(16, 2), up(1, 1),
    )  # fmt: skip
    return Networks(encoder, decoder, 10)


MODELS = {
    "densegan": densegan,
    "densegan_deep": densegan_deep,
    "cnngan": cnngan,
    "densevae": densevae,
    "cnnvae": cnnvae,
}


def cross_entropy(logits: Any, targets: Any) -> Any:
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)


def gan_losses(networks: Networks, images: Any, z: Any) -> tuple[Any, Any]:
    """The losses of generator and discriminator, from one pass of each network."""
    generator, discriminator, _ = networks
    fake_logits = discriminator(tf.tanh(generator(z, training=True)), training=True)
    real_logits = discriminator(2 * images - 1, training=True)
    g_loss = tf.reduce_mean(cross_entropy(fake_logits, tf.ones_like(fake_logits)))
    on_real = tf.reduce_mean(cross_entropy(real_logits, tf.ones_like(real_logits)))
    on_fake = tf.reduce_mean(cross_entropy(fake_logits, tf.zeros_like(fake_logits)))
    return g_loss, on_real + on_fake


def vae_loss(networks: Networks, images: Any, noise: Any) -> Any:
    """-ELBO in nats an image."""
    encoder, decoder, _ = networks
    mu, log_var = tf.split(encoder(images, training=True), 2, axis=1)
    logits = decoder(mu + tf.exp(log_var / 2) * noise, training=True)
    reconstruction = tf.reduce_sum(cross_entropy(logits, images), axis=[1, 2, 3])
    kl = tf.reduce_sum(tf.square(mu) + tf.exp(log_var) - log_var - 1, axis=1) / 2
    return tf.reduce_mean(reconstruction + kl)


def step_of(networks: Networks, lr: float) -> Callable[[Any], Any]:
    """An update on images in [0, 1], (B, 28, 28, 1), that returns the losses it was made from."""
    first, second, latent_dim = networks
    of_first, of_second = first.trainable_variables, second.trainable_variables

    def gan(images: Any) -> Any:
        z = tf.random.normal((tf.shape(images)[0], latent_dim))
        with tf.GradientTape(persistent=True) as tape:
            g_loss, d_loss = gan_losses(networks, images, z)
        for optimizer, loss, variables in zip(
            optimizers, (g_loss, d_loss), (of_first, of_second), strict=True
        ):
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return g_loss, d_loss

    def vae(images: Any) -> Any:
        noise = tf.random.normal((tf.shape(images)[0], latent_dim))
        with tf.GradientTape() as tape:
            loss = vae_loss(networks, images, noise)
        both = of_first + of_second
        optimizers[0].apply_gradients(zip(tape.gradient(loss, both), both, strict=True))
        return loss

    is_gan = first.input_shape[1:] == (latent_dim,)
    optimizers = [keras.optimizers.Adam(lr, epsilon=1e-8) for _ in range(2 if is_gan else 1)]
    return gan if is_gan else vae


def run(job: Job, blocks: Blocks) -> None:
    """Train from images that lie in memory as bytes; a batch is gathered in the graph, too."""
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    config = job.config()
    keras.utils.set_random_seed(config["seed"])
    images = tf.constant(np.load(job.folder / "images.npy"))
    order = np.load(job.folder / "order.npy")
    update = step_of(MODELS[job.model](), config["optim"]["lr"])

    @tf.function
    def step(indices: Any) -> Any:
        return update(tf.cast(tf.gather(images, indices), tf.float32) / 255)

    for block in blocks:
        batches = [tf.constant(indices) for indices in order[block.number, : block.steps]]
        block.mark("start")
        for indices in batches:
            losses = step(indices)
            block.step()
        tf.nest.map_structure(lambda loss: loss.numpy(), losses)
        block.finish()
