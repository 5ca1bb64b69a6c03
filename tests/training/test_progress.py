import re

from mnistgen.tracking.folder import RunFolder
from mnistgen.training.progress import Value, Values


def lines(shown):
    """What a terminal shows at last in each of its lines."""
    return [line.split("\x1b[2K")[-1].strip() for line in re.split(r"\r*\n", shown)]


def test_80_columns_show_a_gans_quality_and_speed_below_what_is_trained(terminal):
    shown = terminal(
        80, "model=densegan", "hydra.run.dir=run", "trainer.max_epochs=2",
        "trainer.limit_train_batches=20", "trainer.quality_every=1", "threads=1", "logger=none",
    )  # fmt: skip
    first, second, *_ = lines(shown)
    assert re.fullmatch(
        r"training in /\S+/run: densegan, cpu, \S+, threads=1, epochs 1 to 2", first
    )
    assert re.fullmatch(
        r"epoch 2/2 ━{8} 100% 00:00 fid \d+\.?\d*  g [\d.]+  d [\d.]+  [\d,]+/s", second
    )
    drawn = [re.sub(r"\x1b\[\?25[lh]", "", line) for line in re.split(r"[\r\n]+|\x1b\[2K", shown)]
    assert all(len(line) < 80 for line in drawn if "━" in line)
    assert "epoch 1/2  val/" not in shown  # the line of an epoch is for files


def test_ctrl_c_leaves_one_bar(terminal, tmp_path):
    options = ("hydra.run.dir=run", "trainer.limit_train_batches=20", "logger=none", "threads=1")
    shown = terminal(80, *options, status=130, typed={"epoch 2/50": b"\x03"})
    assert "^C" in shown
    assert [line[:6] for line in lines(shown) if "━" in line] == ["epoch "]
    assert ", epochs 1 to 50\n" in (tmp_path / "run" / "train.log").read_text()


def test_a_narrow_terminal_shows_what_matters_most():
    values = Values([
        Value("left", "left", 4), Value("fid 940.3", "fid 940.3", 0),
        Value("g_loss 0.8216", "g 0.8216", 1), Value("d_real 0.4", "d_real 0.4", 3),
        Value("4,565 images/s", "4,565/s", 2),
    ])  # fmt: skip
    assert values.fitting(80) == "left  fid 940.3  g_loss 0.8216  d_real 0.4  4,565 images/s"
    assert values.fitting(50) == "left  fid 940.3  g 0.8216  d_real 0.4  4,565/s"
    assert values.fitting(32) == "fid 940.3  g 0.8216  4,565/s"
    assert values.fitting(20) == "fid 940.3  g 0.8216"
    assert values.fitting(5) == ""


def test_a_terminal_that_is_closed_interrupts_the_run(terminal, tmp_path):
    options = ("hydra.run.dir=run", "trainer.limit_train_batches=20", "logger=none", "threads=1")
    terminal(80, *options, status=129, until="epoch 2/50")
    run = RunFolder(tmp_path / "run")
    assert run.info().status == "interrupted"
    assert "go on with: python -m mnistgen resume=" in run.log.read_text()
