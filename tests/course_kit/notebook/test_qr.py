"""QR codes of files: read back to the very bytes, refused when they cannot hold them."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from course_kit.notebook import qr
from course_kit.notebook.paths import QR_PICTURE, model_path
from course_kit.notebook.qr import QR_CAPACITY, make_qr, read_qr, write_qr


def random_bytes(size: int) -> bytes:
    """Draw bytes, the same for the same size."""
    return np.random.default_rng(size).bytes(size)


@pytest.mark.parametrize(
    "content",
    [b"A", b"ADA\x01", b"0123456789", bytes(300), "größe".encode(), bytes(range(256)) * 4]
    + [random_bytes(size) for size in (100, 1_500, QR_CAPACITY)],
    ids=lambda content: f"{content[:4]!r}, {len(content)} bytes",
)
@pytest.mark.parametrize("scale", [2, 4])
def test_png_is_read_back_byte_for_byte(content: bytes, scale: int, tmp_path: Path) -> None:
    write_qr(content, tmp_path / "code.png", scale=scale)
    assert read_qr(tmp_path / "code.png") == content


def test_a_picture_without_a_code_is_refused(tmp_path: Path) -> None:
    matplotlib.image.imsave(tmp_path / "blank.png", np.ones((40, 40, 3)))
    with pytest.raises(ValueError, match="shows 0 readable codes; one is needed"):
        read_qr(tmp_path / "blank.png")


@pytest.mark.parametrize("size", [0, QR_CAPACITY + 1, 100_000])
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_what_does_not_fit_is_refused(size: int, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"the file has {size:,} bytes; .* 1 to 2,953"):
        write_qr(bytes(size), tmp_path / f"code{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["code.jpg", "code", "code.PNG", "code.svg.txt"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.svg or \.png is needed"):
        write_qr(b"ADA", tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_largest_code_has_no_room_to_spare() -> None:
    assert make_qr(bytes(QR_CAPACITY)).designator == "40-L"
    assert make_qr(b"0123").mode == "byte"


def test_svg_and_png_show_the_code_with_its_quiet_zone(tmp_path: Path) -> None:
    for suffix in (".svg", ".png"):
        write_qr(b"ADA", tmp_path / "new" / f"code{suffix}", scale=3)
    assert "<svg" in (tmp_path / "new" / "code.svg").read_text()
    picture = matplotlib.image.imread(tmp_path / "new" / "code.png")
    modules = 21 + 2 * 4  # version 1 and a border of 4
    assert picture.shape[:2] == (3 * modules, 3 * modules)
    assert picture[: 3 * 4].min() == 1.0


def test_old_picture_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_qr(b"old", tmp_path / "code.png")
    old = (tmp_path / "code.png").read_bytes()

    class Torn:
        def save(self, path: str, **_: object) -> None:
            Path(path).write_bytes(b"half")
            raise OSError("disk full")

    monkeypatch.setattr(qr, "make_qr", lambda content: Torn())
    with pytest.raises(OSError, match="disk full"):
        write_qr(b"new", tmp_path / "code.png")
    assert (tmp_path / "code.png").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["code.png"]


def test_the_printed_code_is_the_shipped_file() -> None:
    """README's picture, read by an independent decoder, is the smallest LeNet-5, byte for byte."""
    assert read_qr(QR_PICTURE) == model_path("lenet5_small.ada").read_bytes()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(("least", "most"), [(0, 255), (0, 200), (60, 255)])
def test_a_photograph_is_read_as_a_screenshot_is(
    mode: str, least: int, most: int, tmp_path: Path
) -> None:
    write_qr(b"ADA", tmp_path / "code.png", scale=4)
    picture = Image.open(tmp_path / "code.png").convert(mode)
    picture = picture.point(lambda grey: least + grey * (most - least) // 255)
    for name in ("code.jpg", "grey.png"):
        picture.save(tmp_path / name)
        assert read_qr(tmp_path / name) == b"ADA"
