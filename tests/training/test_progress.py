import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios


def on_a_terminal(folder, columns, *arguments):
    """What a terminal of so many columns shows of `python -m mnistgen ...`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(columns)}
    with subprocess.Popen(
        [sys.executable, "-m", "mnistgen", *arguments],
        cwd=folder,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # Linux: nobody has the other end open any more
            pass
    os.close(ours)
    assert process.returncode == 0, shown
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown.decode())


def test_a_narrow_terminal_shows_epoch_time_left_and_losses_in_one_line(tmp_path):
    shown = on_a_terminal(
        tmp_path, 80, "trainer.max_epochs=2", "trainer.limit_train_batches=0.5", "threads=1",
    )  # fmt: skip
    assert re.search(r"epoch 2/2 \S+ +\d+% \d\d:\d\d left +loss \d+", shown), shown
    assert "epoch 2/2 ━━━━━━━━━━━━ 100%" in shown
    lines = re.split(r"[\r\n]+", shown)
    assert all(len(line) <= 80 for line in lines if line.startswith(("epoch 1/", "epoch 2/")))
    assert not re.search(r"^epoch 1/2 +val/loss", shown, re.MULTILINE)  # not on a terminal
