import errno
import os
import threading
import time

import pytest

from mnistgen import files
from mnistgen.errors import Busy


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def fail(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("links", ["there", "refused", "unknown"])
def test_a_second_name_keeps_the_content(tmp_path, monkeypatch, links):
    def fail(*_, **__):
        raise PermissionError

    if links == "refused":
        monkeypatch.setattr(os, "link", fail)
    if links == "unknown":
        monkeypatch.delattr(os, "link")
    path = tmp_path / "last"
    for content in (b"one", b"two"):
        files.write_atomically(path, content)
        files.keep_as(path, "previous")
    files.write_atomically(path, b"three")
    assert (tmp_path / "previous").read_bytes() == b"two"
    assert sorted(other.name for other in tmp_path.iterdir()) == ["last", "previous"]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EROFS])
def test_a_folder_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, caplog, number):
    def fail(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", fail)
    for _ in range(2):  # the first leaves nothing that shuts the second out
        assert not files.is_locked(tmp_path)
        with files.lock(tmp_path):
            assert f"{tmp_path} cannot be locked (no locks here)" in caplog.text


def test_a_lock_is_waited_for_as_long_as_wanted(tmp_path):
    order = []

    def hold():
        with files.lock(tmp_path):
            holding.set()
            time.sleep(2 * files.PATIENCE)
            order.append("first")

    holding = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    with pytest.raises(Busy, match="in use by another process"), files.lock(tmp_path):
        pass
    with files.lock(tmp_path, wait=True):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
