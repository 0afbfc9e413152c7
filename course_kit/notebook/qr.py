"""A compressed network as a QR code: the bytes of the file themselves, nothing around them."""

from pathlib import Path

import matplotlib.image
import numpy as np
import segno
import zxingcpp

from tucker_core.files import replacing

QR_CAPACITY = 2_953  # bytes in a QR code of version 40 with the lowest error correction


def make_qr(content: bytes) -> segno.QRCode:
    """Make the QR code of a file's bytes (byte mode, error correction level L).

    Raises
    ------
    ValueError
        If there are no bytes, or more than the 2,953 that the largest QR code holds.

    Examples
    --------
    >>> make_qr(b"ADA").designator
    '1-L'
    """
    if not 0 < len(content) <= QR_CAPACITY:
        raise ValueError(
            f"the file has {len(content):,} bytes; a QR code holds 1 to {QR_CAPACITY:,}: compress to a "
            "smaller budget"
        )
    return segno.make_qr(content, mode="byte", error="l", boost_error=False)


def write_qr(content: bytes, path: Path, *, scale: int = 4) -> None:
    """Write the QR code of a file's bytes as an SVG or PNG picture, by the path's ending.

    Parameters
    ----------
    content : bytes of the file
    path : ends in .svg or .png
    scale : pixels a module

    Raises
    ------
    ValueError
        If the content does not fit, or the ending is another one.
    """
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"{path} ends in {path.suffix!r}; .svg or .png is needed")
    code = make_qr(content)
    with replacing(path) as temporary:
        code.save(str(temporary), kind=path.suffix[1:], scale=scale, border=4)


def read_qr(path: Path) -> bytes:
    """Read the bytes of the QR code in a picture, by a decoder that this project did not write.

    Raises
    ------
    ValueError
        If the picture does not show exactly one readable code.

    Examples
    --------
    >>> from course_kit.notebook.paths import QR_PICTURE
    >>> len(read_qr(QR_PICTURE))
    868
    """
    picture = matplotlib.image.imread(path)
    grey = picture if picture.ndim == 2 else picture[..., 0]
    if grey.dtype.kind == "f":  # of a PNG 0 to 1, of other pictures 0 to 255 as they are
        grey = 255 * grey
    grey = np.ascontiguousarray(grey, np.uint8)
    codes = zxingcpp.read_barcodes(grey)
    if len(codes) != 1:
        raise ValueError(f"{path} shows {len(codes)} readable codes; one is needed: is it sharp?")
    return bytes(codes[0].bytes)
