"""Draw degrees.svg beside this file, and print its numbers: python docs/figures/degrees.py"""

from pathlib import Path

from matplotlib.figure import Figure

from mnistgen.data import MNIST
from mnistgen.metrics import degrees
from mnistgen.metrics.degrees import Curves
from mnistgen.metrics.lenet import weights
from mnistgen.plots import charts

LABELS = {
    "blends": "share of the real image",
    "blur": "side of the box, pixels",
    "added noise": "standard deviation of the noise",
}
COLOURS = ("#0072B2", "#000000", "#D55E00", "#009E73")


def draw(panels: dict[str, Curves]) -> Figure:
    """A panel for each kind of change, a line for each curve."""
    figure = Figure(figsize=(10, 3.2))
    row = figure.subplots(1, len(panels), sharey=True)
    for axes, (name, curves) in zip(row, panels.items(), strict=True):
        for (label, curve), colour in zip(curves.items(), COLOURS, strict=False):
            axes.plot(
                *zip(*curve, strict=True), marker="o", markersize=4, color=colour, label=label
            )
        axes.set_xlabel(LABELS[name])
        axes.legend()
    row[0].set_ylabel("FID")
    return figure


def main() -> None:
    """Measure the network of this package on all of MNIST's test images."""
    data = MNIST()
    lenet, _ = weights.load(data)
    arrays = data.arrays()
    mean = arrays.train_images.float().mean(0, keepdim=True) / 255
    images = arrays.test_images.unsqueeze(1) / 255
    damages = degrees.damages(lenet, images)
    blends = degrees.blends(lenet, images, mean)
    for name, curve in {**blends, **damages}.items():
        print(f"{name:16}", *(f"{degree:g}: {fid:.1f} " for degree, fid in curve))
    panels = {"blends": blends, **{name: {name: curve} for name, curve in damages.items()}}
    figure = charts.forms(lambda: draw(panels))
    assert figure is not None
    Path(__file__).with_suffix(".svg").write_bytes(figure.svg)


if __name__ == "__main__":
    main()
