"""Sounds that installed packages ship, in three parts, and clips of them; tones made by rule beside them.

The packages ship little: half a minute of two people talking, three short recordings of speech, a
saxophone and a cartoon band. So clips are played faster, slower, mixed and filtered at random, and half
of the frames for the pitch network are tones with harmonics and noise. No recording is in two parts.
"""

from functools import cache
from math import gcd

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tools.zoo.packages import folder_of

Wave = npt.NDArray[np.float32]

RATE = 16_000
PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("pyannote.audio", "sample/sample.wav"),
        ("gradio", "media_assets/audio/cantina.wav"),
    ),
    "validation": (("gradio", "test_data/test_audio.wav"),),
    "test": (
        ("gradio", "media_assets/audio/recording1.wav"),
        ("gradio", "media_assets/audio/sax.wav"),
    ),
}
MODULES = tuple(dict.fromkeys(module for part in PARTS.values() for module, _ in part))

_FRAME = 1024  # samples of a frame for the pitch network
_MELS, _WINDOW, _HOP = 40, 400, 160


@cache
def recordings(part: str) -> tuple[Wave, ...]:
    """All recordings of a part, one channel at 16 kHz.

    Raises
    ------
    MissingPackagesError
        If a package that ships one is not installed.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    found = []
    for module, name in PARTS[part]:
        rate, samples = wavfile.read(folder_of(module) / name)
        mono = samples.astype(np.float32).reshape(len(samples), -1).mean(1)
        step = gcd(rate, RATE)
        wave = resample_poly(mono, RATE // step, rate // step)
        found.append((wave / np.abs(wave).max()).astype(np.float32))
    return tuple(found)


def clips(waves: tuple[Wave, ...], count: int, length: int, seed: int) -> Wave:
    """Draw clips at random speeds, loudnesses and mixtures, (count, length).

    Examples
    --------
    >>> clips((np.ones(9_000, np.float32),), 2, 1_024, seed=0).shape
    (2, 1024)
    """
    rng = np.random.default_rng(seed)
    drawn = [_clip(waves, length, rng) for _ in range(count)]
    return np.stack(drawn)


def _clip(waves: tuple[Wave, ...], length: int, rng: np.random.Generator) -> Wave:
    clip = _piece(waves, length, rng)
    if rng.random() < 0.3:
        clip += np.float32(rng.uniform(0.1, 0.7)) * _piece(waves, length, rng)
    if rng.random() < 0.3:
        clip = np.convolve(clip, rng.standard_normal(8) / 3, mode="same").astype(np.float32)
    noise = rng.uniform(0, 0.03) * rng.standard_normal(length)
    return np.asarray(rng.uniform(0.3, 1.0) * clip + noise, np.float32)


def _piece(waves: tuple[Wave, ...], length: int, rng: np.random.Generator) -> Wave:
    """A piece of a recording, up to a quarter faster or slower."""
    weights = np.array([len(wave) for wave in waves], float)
    wave = waves[rng.choice(len(waves), p=weights / weights.sum())]
    speed = np.exp(rng.uniform(-0.25, 0.25))
    spots = np.arange(length) * speed
    begin = rng.uniform(0, max(1.0, len(wave) - 1 - spots[-1]))
    return np.asarray(np.interp(begin + spots, np.arange(len(wave)), wave), np.float32)


def tones(count: int, seed: int) -> Wave:
    """Harmonic tones of 40 to 1,800 Hz with noise, (count, 1024)."""
    rng = np.random.default_rng(seed)
    time = np.arange(_FRAME) / RATE
    pitch = np.exp(rng.uniform(np.log(40), np.log(1_800), (count, 1, 1)))
    number = np.arange(1, 9)[:, np.newaxis]
    loud = rng.uniform(0, 1, (count, 8, 1)) * number ** -rng.uniform(0.3, 2.0, (count, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (count, 8, 1))
    audible = pitch * number < RATE / 2
    tone = (audible * loud * np.sin(2 * np.pi * pitch * number * time + phase)).sum(1)
    noise = rng.uniform(0, 0.5, (count, 1)) * rng.standard_normal((count, _FRAME))
    return np.asarray(tone + noise, np.float32)


def frames(part: str, count: int, seed: int) -> Tensor:
    """Frames for the pitch network, half of them tones: (count, 1024), mean 0, deviation 1 each."""
    half = count // 2
    drawn = np.concatenate(
        [clips(recordings(part), count - half, _FRAME, seed), tones(half, seed + 1)]
    )
    drawn -= drawn.mean(1, keepdims=True)
    return torch.from_numpy(drawn / np.maximum(drawn.std(1, keepdims=True), 1e-6))


def mel_clips(part: str, count: int, spots: int, seed: int) -> Tensor:
    """Mel spectrograms of clips for the voice network, (count, spots, 40)."""
    length = _WINDOW + (spots - 1) * _HOP
    waves = torch.from_numpy(clips(recordings(part), count, length, seed))
    return mel_spectrogram(waves)


def mel_spectrogram(waves: Tensor) -> Tensor:
    """Power in 40 mel bands of windows of 25 ms, every 10 ms: (n, length) to (n, spots, 40).

    Slaney's mel scale and area, as the voice network was trained on.

    Examples
    --------
    >>> mel_spectrogram(torch.zeros(2, 400 + 9 * 160)).shape
    torch.Size([2, 10, 40])
    """
    windows = waves.unfold(1, _WINDOW, _HOP) * torch.hann_window(_WINDOW)
    power: Tensor = torch.fft.rfft(windows).abs().square()
    return power @ torch.from_numpy(_mel_bands()).T


@cache
def _mel_bands() -> Wave:
    """(40, 201), triangles of equal area on a scale that is linear up to 1 kHz and logarithmic above."""
    top = 15 + 27 * np.log(RATE / 2 / 1_000) / np.log(6.4)
    mels = np.linspace(0, top, _MELS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1_000 * np.exp((mels - 15) * np.log(6.4) / 27))
    bins = np.linspace(0, RATE / 2, _WINDOW // 2 + 1)
    rising = (bins - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
    falling = (edges[2:, np.newaxis] - bins) / np.diff(edges)[1:, np.newaxis]
    area = 2 / (edges[2:] - edges[:-2])
    bands = np.maximum(0, np.minimum(rising, falling)) * area[:, np.newaxis]
    return np.asarray(bands, np.float32)
