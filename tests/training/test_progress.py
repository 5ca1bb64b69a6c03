import re


def test_a_narrow_terminal_shows_epoch_time_left_and_losses_in_one_line(terminal):
    shown = terminal(
        80, "trainer.max_epochs=2", "trainer.limit_train_batches=0.5", "threads=1",
    )  # fmt: skip
    assert re.search(r"epoch 2/2 \S+ +\d+% \d\d:\d\d left +loss \d+", shown), shown
    assert "epoch 2/2 ━━━━━━━━━━━━ 100%" in shown
    lines = re.split(r"[\r\n]+", shown)
    assert all(len(line) <= 80 for line in lines if line.startswith(("epoch 1/", "epoch 2/")))
    assert not re.search(r"^epoch 1/2 +val/loss", shown, re.MULTILINE)  # not on a terminal
