"""Methods that use a network without training it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import nn

Method = TypeVar("Method", bound=Callable[..., Any])


def inference(method: Method) -> Method:
    """Run a module's method in evaluation mode and without gradients; the mode is put back."""

    @functools.wraps(method)
    @torch.no_grad()
    def run(self: nn.Module, /, *args: Any, **kwargs: Any) -> Any:
        was_training = self.training
        self.eval()
        try:
            return method(self, *args, **kwargs)
        finally:
            self.train(was_training)

    return cast(Method, run)
