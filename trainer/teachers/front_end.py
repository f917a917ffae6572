"""The teachers' front end in NumPy: audio files to windows of log-mel, as musicnn's librosa call makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from tags import FRAMES, MEL_BANDS

SAMPLE_RATE = 16000
N_FFT = 512
HOP = 256
# To mono by the channels' mean: left to itself, ffmpeg adds them up 3 dB louder where the samples are float. And by
# soxr, since ffmpeg's own resampler loses the top mel bands; so the log-mels equal librosa's.
RESAMPLE = f"aresample={SAMPLE_RATE}:rematrix_maxval=1:ochl=mono:resampler=soxr"


class AudioError(RuntimeError):
    """A file that could not be decoded; the message names it."""


def decode(path: Path, seconds: float | None = None) -> np.ndarray:
    """The file as 16 kHz mono float samples, through ffmpeg; at most the first `seconds` of it."""
    limit = [] if seconds is None else ["-t", str(seconds)]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", str(path), *limit]
    command += ["-vn", "-af", RESAMPLE, "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    samples = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], dtype="<f4")
    if done.returncode != 0 or samples.size == 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise AudioError(f"{path}: {reason[-1] if reason else 'no sound in it'}")
    return samples


def _hz_of_mel(mel: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear below 1 kHz (15 mels), logarithmic above."""
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def mel_filters() -> np.ndarray:
    """[mel_bands, bins] triangles of equal area (norm "slaney") from 0 to 8,000 Hz."""
    top = 15 + 27 * np.log(SAMPLE_RATE / 2 / 1000) / np.log(6.4)
    edges = _hz_of_mel(np.linspace(0, top, MEL_BANDS + 2))
    bins = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clip(min=0)
    return (triangles * 2 / (high - low)).astype(np.float32)


_FILTERS = mel_filters()
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """[frames, mel_bands] of 16 kHz samples: frames are centred on multiples of 256, the ends padded with zeros."""
    padded = np.pad(samples, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    rows = []
    for start in range(0, len(frames), 4096):  # a long file's spectrum at once would need gigabytes
        spectrum = np.fft.rfft(frames[start : start + 4096] * _WINDOW, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        rows.append(np.log10(10000 * (power @ _FILTERS.T) + 1, dtype=np.float32))
    return np.concatenate(rows)


def windows(path: Path, seconds: float | None = None) -> np.ndarray:
    """[windows, 187, 96] of a file; windows do not overlap, what is left over at the end is not used."""
    spectrogram = log_mel(decode(path, seconds))
    count = len(spectrogram) // FRAMES
    return spectrogram[: count * FRAMES].reshape(count, FRAMES, MEL_BANDS)
