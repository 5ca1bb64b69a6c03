"""The step of a training as one CUDA graph: a GPU gets all its kernels in a single launch.

The kernels of these models take a GPU less time than Python takes to launch them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnistgen.config import Config, one_line
from mnistgen.config.objects import LOSSES, targets
from mnistgen.errors import UserError
from mnistgen.models import GAN, VAE

Step = Callable[[Tensor], tuple[dict[str, Tensor], Sequence[Tensor]]]
"""Of a batch of images: values by their names, and the gradients of parameters."""


def allowed(config: Config) -> bool:
    """Whether `trainer.cuda_graph` lets a training use them.

    A graph repeats what a step did, and not what its Python code would do next time. The project's
    own models, games and bounds do the same in each step; of others it is not known.
    """
    choice = config["trainer"].get("cuda_graph", "auto")
    if choice != "auto":
        return bool(choice)
    parts = {key: config[key] for key in ("model", *LOSSES) if key in config}
    return all(target.startswith("mnistgen.") for target in targets(parts))


class CUDAGraphs(Callback):
    """Captures the step of a GAN or VAE on a CUDA device anew in each epoch, and replays it.

    So each epoch is computed in the same way, whether the training was resumed before it or not.
    """

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if pl_module.device.type != "cuda":
            return
        if isinstance(pl_module, GAN):
            pl_module.gradients = Graph(pl_module.gradients)  # type: ignore[assignment]
        elif isinstance(pl_module, VAE):
            pl_module.terms = Terms(pl_module)  # type: ignore[method-assign]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for name in ("gradients", "terms"):
            vars(pl_module).pop(name, None)  # the class has the method


class Graph:
    """A step that is captured at its second call, and replayed from then on.

    Batches of another shape than the first are computed as without it. What it returns is
    overwritten by the next call. Raises UserError where the step cannot be captured: it waits for
    the device, for example.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.images: Tensor | None = None
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, images: Tensor) -> tuple[dict[str, Tensor], Sequence[Tensor]]:
        if self.images is None:  # the first batch lets libraries prepare what a capture cannot
            self.images = images.clone()
            return self._first(images)
        if images.shape != self.images.shape:
            return self.step(images)
        graph = self.graph = self.graph or self._capture(self.images)
        self.images.copy_(images)
        graph.replay()
        return self.results

    def _first(self, images: Tensor) -> tuple[dict[str, Tensor], Sequence[Tensor]]:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), uncached_autocast():
            results = self.step(images)
        torch.cuda.current_stream().wait_stream(stream)
        return results

    def _capture(self, images: Tensor) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        try:
            with uncached_autocast(), torch.cuda.graph(graph):
                self.results = self.step(images)
        except RuntimeError as error:
            raise UserError(
                "this model's step cannot be a CUDA graph: trainer.cuda_graph=false trains it "
                f"without one ({one_line(error)})"
            ) from error
        return graph


class uncached_autocast(torch.autocast):
    """Products in bfloat16 as they are now, with weights that are converted in each step.

    A graph would go on with those that autocast keeps from an earlier step.
    """

    def __init__(self) -> None:
        super().__init__(
            "cuda",
            dtype=torch.get_autocast_dtype("cuda"),
            enabled=torch.is_autocast_enabled("cuda"),
            cache_enabled=False,
        )


class Terms:
    """A VAE's terms, with a loss whose gradients are those that the graph has computed."""

    def __init__(self, vae: VAE) -> None:
        self.terms = vae.terms
        self.parameters = list(vae.parameters())
        self.graph = Graph(self._gradients)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        if not torch.is_grad_enabled():  # a validation
            return self.terms(images)
        values, gradients = self.graph(images)
        loss: Any = Loss.apply(values["loss"], gradients, *self.parameters)
        return values | {"loss": loss}

    def _gradients(self, images: Tensor) -> tuple[dict[str, Tensor], Sequence[Tensor]]:
        terms = self.terms(images)
        gradients = torch.autograd.grad(terms["loss"], self.parameters)
        return {name: value.detach() for name, value in terms.items()}, gradients


class Loss(torch.autograd.Function):
    """A loss and its gradients, from which `backward` goes on: Lightning may scale the loss."""

    @staticmethod
    def forward(
        ctx: Any, loss: Tensor, gradients: Sequence[Tensor], *parameters: Tensor
    ) -> Tensor:
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *factors: Tensor) -> Any:
        return None, None, *torch._foreach_mul(ctx.gradients, factors[0])
