"""Methods that use a network without training it."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def inference(
    method: Callable[Concatenate[Module, Parameters], Result],
) -> Callable[Concatenate[Module, Parameters], Result]:
    """Run a module's method in evaluation mode and without gradients; the mode is put back."""

    @functools.wraps(method)
    def run(self: Module, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                return method(self, *args, **kwargs)
        finally:
            self.train(was_training)

    return run
