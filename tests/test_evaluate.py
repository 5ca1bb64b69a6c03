"""Evaluate, sample and export: what is measured, written and refused."""

import json
import math
import shutil

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from mnistgen.config import compose
from mnistgen.data.module import data_module
from mnistgen.inference import model as inference
from mnistgen.inference import pictures
from mnistgen.metrics.evaluation import Evaluator
from mnistgen.tracking import store
from mnistgen.tracking.folder import RunFolder
from mnistgen.training.session import train

FEW = ("n=200", "k=20", "nll_images=20", "threads=1")


@pytest.fixture(scope="module")
def trained_runs(tmp_path_factory):
    """A folder with a finished run of a GAN and of a VAE of binarised digits, a few steps each."""
    root = tmp_path_factory.mktemp("runs")
    for model in ("densegan", "densevae"):
        config = compose.compose(
            f"model={model}", "logger=none", "trainer=smoke", "optim.lr=1e-3",
            "trainer.limit_train_batches=60", "data.binarize=static",
        )  # fmt: skip
        train(store.create(root / model, model=model, config=config, overrides=[]))
    return root


@pytest.fixture
def folder(trained_runs, tmp_path):
    shutil.copytree(trained_runs, tmp_path, dirs_exist_ok=True)
    return tmp_path


EVALUATE = {"module": "mnistgen.evaluate"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the measures of real images and of noise are kept, made by the first that asks."""
    return f"cache={tmp_path_factory.mktemp('cache')}"


def test_evaluation_holds_the_measures_and_what_they_depend_on(cli, folder, cache):
    done = cli("run=[densegan,densevae]", *FEW, cache, **EVALUATE)
    assert done.returncode == 0, done.stderr
    gan, vae = (RunFolder(folder / name).evaluation() for name in ("densegan", "densevae"))
    for found in (gan, vae):
        assert found.settings.samples == 200
        assert found.settings.split == "test"
        assert found.settings.checkpoint == "last.ckpt"
        assert len(found.settings.features_sha256) == 64
        assert set(found.comparisons) == {"training images", "their mean", "noise"}
        real, noise = found.comparisons["training images"], found.comparisons["noise"]
        assert real["fid"] < found.metrics["fid"]
        assert real["fid"] < noise["fid"] / 20
        assert real["coverage"] > 0.9 * 200 / 10_000
        assert found.metrics.keys() >= real.keys()
        assert sum(found.metrics["digits"]) == pytest.approx(1)
    assert "elbo" not in gan.metrics
    metrics = vae.metrics
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - metrics["kl"])
    assert sum(map(sum, metrics["confusion"])) == 10_000
    assert metrics["nll"] > 0  # a likelihood of binary images; its value has oracles of its own
    assert metrics["nll_error"] > 0
    assert metrics["active_share"] == metrics["active_units"] / 4
    for shown in ("FID", "densegan", "densevae", "noise", "ELBO (nats)"):
        assert shown in done.stdout
    assert gan.diagnosis
    for sentence in gan.diagnosis:
        assert f"{sentence}\n" in done.stdout
    assert json.loads((folder / "densegan" / "evaluation.json").read_text())["diagnosis"]


def test_evaluating_twice_gives_the_same_numbers_and_once_is_enough(cli, folder, cache):
    arguments = ["run=densegan", *FEW, cache]
    assert cli(*arguments, **EVALUATE).returncode == 0
    path = folder / "densegan" / "evaluation.json"
    first = path.read_bytes()
    commands = [arguments, [*arguments, "force=true"]]
    again, forced = cli.several(commands, module="mnistgen.evaluate")
    assert "before" in again.stderr
    assert forced.returncode == 0
    assert path.read_bytes() == first


def test_what_was_measured_is_shown_where_it_cannot_be_written(cli, folder):
    done = cli.read_only("run=densegan", *FEW, "cache=cache", module="mnistgen.evaluate")
    assert done.returncode == 1
    assert "FID" in done.stdout
    lines = done.stderr.splitlines()
    assert "cache/comparisons-" in lines[-2]
    assert lines[-1] == (
        "error: densegan/evaluation.json cannot be written: Read-only file system"
    )


def test_nothing_is_written_to_say_that_a_run_is_finished(cli, folder):
    run = RunFolder(folder / "densegan")
    (run.path / ".lock").unlink()
    done = cli.read_only("resume=densegan")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "densegan is finished: nothing to do\n"
    assert not (run.path / ".lock").exists()


def test_a_copy_of_a_checkpoint_is_as_good(cli, folder, tmp_path):
    shutil.copy(RunFolder(folder / "densegan").last, tmp_path / "copy.ckpt")
    (tmp_path / "bad.ckpt").write_bytes(RunFolder(folder / "densegan").last.read_bytes()[:-100])
    words = ["run=densegan", "n=4", "seed=1"]
    several = ["out=a.npz"], ["checkpoint=copy.ckpt", "out=b.npz"], ["checkpoint=bad.ckpt"]
    ends = cli.several([[*words, *more] for more in several], module="mnistgen.sample")
    assert [end.returncode for end in ends] == [0, 0, 1]
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert ends[-1].stderr == "error: bad.ckpt is not a checkpoint of plain data\n"


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run=nowhere"], "run=nowhere: there is no run folder"),
        ([], "run is missing"),
        (["run=[]"], "run=[] is not allowed"),
        (["run=densegan", "n=63"], "n=63 is not allowed: it must be a whole number from 64"),
        (["run=densegan", "checkpoint=elsewhere"], "no checkpoint 'elsewhere'"),
        (["run=densegan", "sed=1"], "did you mean seed"),
        (["run=unfinished"], "has not finished an epoch"),
        (["run=damaged"], "last.ckpt is damaged"),
    ],
)
def test_bad_input_of_evaluate_is_one_line_and_writes_nothing(
    cli, folder, cache, arguments, named
):
    shutil.copytree(folder / "densegan", folder / "unfinished")
    shutil.rmtree(folder / "unfinished" / "checkpoints")
    shutil.copytree(folder / "densegan", folder / "damaged")
    flip_a_byte(RunFolder(folder / "damaged").last)
    before = sorted(folder.rglob("*"))
    done = cli(*arguments, cache, **EVALUATE)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert named in done.stderr
    assert sorted(folder.rglob("*")) == before


def test_runs_of_one_name_are_two_columns_also_at_80_columns(terminal, folder, cache):
    for sweep in ("A", "B"):
        shutil.copytree(folder / "densegan", folder / sweep / "[x]")
    shown = terminal(80, "run=[A,B]", *FEW, cache, module="mnistgen.evaluate")
    assert "A/[x]" in shown
    assert "B/[x]" in shown
    assert shown.count(f" {RunFolder(folder / 'A' / '[x]').evaluation().metrics['fid']:.4g} ") == 2


def test_one_bad_run_among_several_is_named_and_the_others_measured(cli, folder, cache):
    flip_a_byte(RunFolder(folder / "densevae").last)
    done = cli("run=dense*", *FEW, cache, **EVALUATE)
    assert done.returncode == 1
    assert "densevae/checkpoints/last.ckpt is damaged" in done.stderr
    assert RunFolder(folder / "densegan").evaluation()
    assert not RunFolder(folder / "densevae").evaluation()


@pytest.mark.parametrize("kind", ["samples", "interpolation", "manifold"])
@pytest.mark.parametrize("model", ["densegan", "densevae"])
def test_pictures_of_all_models(trained_runs, model, kind):
    trained = inference.load(RunFolder(trained_runs / model), "last")
    first, again, other = (pictures.draw(trained, kind, n=5, seed=seed) for seed in (1, 1, 2))
    assert first.images.equal(again.images)
    assert first.images.equal(other.images) == (kind == "manifold")
    count = {"samples": 5, "interpolation": 50, "manifold": 25}[kind]
    assert first.images.shape == (count, 1, 28, 28)
    assert first.images.min() >= 0
    assert first.images.max() <= 1


def test_reconstructions_and_traversal_of_a_vae(trained_runs):
    trained = inference.load(RunFolder(trained_runs / "densevae"), "last")
    made = pictures.draw(trained, "reconstructions", n=20, seed=1)
    assert len(made.images) == 64  # two whole rows of originals, each over what is made of them
    originals = torch.cat([made.images[:16], made.images[32:48]])
    assert originals.unique().tolist() == [0, 1]  # the data are binarised, what is made is not
    torch.testing.assert_close(
        torch.cat([made.images[16:32], made.images[48:]]), trained.model.reconstruct(originals)
    )
    rows = pictures.draw(trained, "traversal", n=7, seed=1)
    assert rows.columns == 7
    assert len(rows.images) == 4 * 7


def test_an_interpolation_stays_on_the_sphere_and_meets_its_ends():
    start, end = torch.randn(2, 3, 6)
    start, end = start / start.norm(dim=1, keepdim=True), end / end.norm(dim=1, keepdim=True)
    path = pictures.spherical(start, end, steps=9)
    torch.testing.assert_close(path[:, 0], start)
    torch.testing.assert_close(path[:, -1], end)
    torch.testing.assert_close(path.norm(dim=2), torch.ones(3, 9))
    steps = (path[:, 1:] * path[:, :-1]).sum(2)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps))  # even angles


@pytest.mark.parametrize("latent_dim", [2, 4, 392])
def test_an_interpolation_never_leaves_the_norms_of_its_ends(latent_dim):
    start, end = torch.randn(2, 500, latent_dim, generator=torch.Generator().manual_seed(32))
    end[:50] = -start[:50] * torch.rand(50, 1)  # opposite ends
    end[50:60], start[60:70] = 0, 0
    path = pictures.spherical(start, end, steps=10)
    torch.testing.assert_close(path[:, 0], start, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(path[:, -1], end, rtol=1e-4, atol=1e-4)
    t = torch.linspace(0, 1, 10)
    norms = (1 - t) * start.norm(dim=1, keepdim=True) + t * end.norm(dim=1, keepdim=True)
    torch.testing.assert_close(path.norm(dim=2), norms, rtol=1e-4, atol=1e-4)
    steps = torch.cosine_similarity(path[70:, 1:], path[70:, :-1], dim=2)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=0, atol=1e-4)


def test_an_interpolation_through_the_origin_is_a_line():
    path = pictures.spherical(torch.tensor([[1.0], [1.0]]), torch.tensor([[-1.0], [3.0]]), steps=3)
    torch.testing.assert_close(path.squeeze(2), torch.tensor([[1.0, 0, -1], [1, 2, 3]]))


def test_a_manifold_is_the_grid_of_the_normal_quantiles(trained_runs):
    trained = inference.load(RunFolder(trained_runs / "densevae"), "last")
    made = pictures.draw(trained, "manifold", n=3, seed=0)
    quartile = math.sqrt(2) * torch.erfinv(torch.tensor(2 / 3)).item()  # of 5/6
    z = torch.tensor([[-quartile, -quartile, 0, 0], [quartile, 0, 0, 0]])
    torch.testing.assert_close(made.images[[0, 5]], trained.model.decode(z))


def test_sample_writes_a_picture_or_an_array(cli, folder, cache):
    done = cli("run=densevae", "n=10", "seed=3", module="mnistgen.sample")
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "densevae" / "samples.png") as picture:
        assert picture.size == (4 * 30 + 2, 3 * 30 + 2)  # 4 columns, a border of 2
    done = cli("run=densevae", "n=10", "seed=3", "out=a.npz", module="mnistgen.sample")
    assert done.returncode == 0, done.stderr
    with np.load(folder / "a.npz") as arrays:
        images = arrays["images"]
    assert images.shape == (10, 1, 28, 28)
    trained = inference.load(RunFolder(folder / "densevae"), "last")
    assert np.allclose(images, pictures.draw(trained, "samples", n=10, seed=3).images, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run=densegan", "kind=dreams"], "samples or reconstructions or interpolation"),
        (["run=densegan", "kind=traversal"], "for VAEs: a GAN has no encoder"),
        (["run=densegan", "out=a.jpg"], "must end in .png or .npz"),
        (["run=densegan", "out=no/a.png"], "no folder no"),
        (["run=nowhere"], "not a run folder"),
        (["run=densegan", "n=0"], "n=0 is not allowed"),
        (["run=densegan", "kind=manifold", "n=101"], "kind=manifold has up to 100"),
        (["run=null"], "run=null is not allowed: it must be a path"),
    ],
)
def test_bad_input_of_sample_is_one_line_and_writes_nothing(cli, folder, cache, arguments, named):
    before = sorted(folder.rglob("*"))
    done = cli(*arguments, module="mnistgen.sample")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert named in done.stderr
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("model", ["densegan", "densevae"])
def test_an_exported_decoder_gives_the_same_images_elsewhere(cli, folder, model):
    done = cli(f"run={model}", "out=decoder.onnx", module="mnistgen.export")
    assert done.returncode == 0, done.stderr
    trained = inference.load(RunFolder(folder / model), "last")
    session = onnxruntime.InferenceSession(folder / "decoder.onnx")
    for batch in (1, 7):
        z = trained.model.latents(batch) if model == "densegan" else torch.randn(batch, 4)
        (images,) = session.run(["images"], {"latents": z.numpy()})
        assert np.abs(images - trained.model.decode(z).numpy()).max() < 1e-4


def test_exported_weights_carry_their_configuration(cli, folder, cache):
    done = cli("run=densevae", "out=w.safetensors", module="mnistgen.export")
    assert done.returncode == 0, done.stderr
    trained = inference.load(RunFolder(folder / "densevae"), "last")
    with safe_open(folder / "w.safetensors", "pt") as file:
        assert json.loads(file.metadata()["config"]) == trained.config
        for name, value in trained.model.state_dict().items():
            assert file.get_tensor(name).equal(value)


def test_comparisons_are_kept(trained_runs, tmp_path):
    trained = inference.load(RunFolder(trained_runs / "densegan"), "last")
    evaluation = Evaluator(data_module(trained.config), n=100, seed=0, k=1, nll_images=2)
    made = evaluation.comparisons(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text().replace('"fid": ', '"fid": 1'))
    assert evaluation.comparisons(tmp_path) != made  # read back, not made again
