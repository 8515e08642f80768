"""What a county put into a folder is opened only as the ordinary file it is, and read no further than agreed."""

import os
import socket
from pathlib import Path

import pytest

from adapters.excel_drop import regular
from adapters.excel_drop.regular import Unfit


def test_an_ordinary_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"12345")
    assert regular.content_of(tmp_path / "a.csv", 5) == b"12345"
    with regular.opened(tmp_path / "a.csv", 5) as stream:
        assert stream.read() == b"12345"


@pytest.mark.parametrize("kind", ["link", "dangling", "hard link", "folder", "pipe", "socket"])
def test_nothing_else_is_opened(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, path = tmp_path / "secret", tmp_path / "a.csv"
    secret.write_bytes(b"secret")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "link":
                path.symlink_to(secret)
            case "dangling":
                path.symlink_to(tmp_path / "nowhere")
            case "hard link":
                path.hardlink_to(secret)
            case "folder":
                path.mkdir()
            case "pipe":
                os.mkfifo(path)
            case _:
                listener.bind("a.csv")
        with pytest.raises(Unfit) as caught:
            regular.content_of(path, 100)
    assert caught.value.code == "refused-file"
    assert caught.value.why.text_zh


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_bytes(b"secret")
    (tmp_path / "fake").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match=r"directory|symbolic"):
        regular.content_of(tmp_path / "fake" / "a.csv", 100)


def test_a_file_that_grows_past_its_bound_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"123")
    with regular.opened(path, 5) as stream:
        regular.check_size(stream, 5)
        path.write_bytes(b"123456")
        with pytest.raises(Unfit) as caught:
            regular.check_size(stream, 5)
    assert caught.value.code == "too-large"
    with pytest.raises(Unfit):
        regular.content_of(path, 5)
