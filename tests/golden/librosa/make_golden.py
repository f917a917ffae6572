"""Makes the golden log-mels of runtime/tests/golden_librosa.rs, in this folder.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_golden.py

Writes `SIGNAL.i16` (samples, little-endian, full scale 32768) and `CONVENTION_SIGNAL.f32` (log-mel frames,
little-endian, [frames, bands]). The same samples are taken at each convention's own rate. librosa computes in
float64 here, so that what the test measures is our rounding and not librosa's as well; the script prints how far
librosa's usual float32 is from that.
"""

import pathlib

import librosa
import numpy as np

HERE = pathlib.Path(__file__).parent
LENGTH = 6000
# A multiple of the hop: the last frame is centred just beyond the last sample.
WHOLE_HOPS = 23 * 256


def signals():
    rng = np.random.default_rng(20170519)
    t = np.arange(LENGTH)
    yield "noise", 0.25 * rng.standard_normal(LENGTH)
    # From 0.002 to 0.48 of the sampling rate, exponentially.
    ratio = np.log(0.48 / 0.002)
    yield "chirp", 0.8 * np.sin(2 * np.pi * 0.002 * LENGTH / ratio * (np.exp(t / LENGTH * ratio) - 1))
    yield "silence", np.zeros(LENGTH)
    impulse = np.zeros(LENGTH)
    impulse[2900] = 0.9
    yield "impulse", impulse
    mix = np.zeros(WHOLE_HOPS)
    for start, f0 in ((0, 0.011), (1200, 0.0139), (2400, 0.0165), (3600, 0.022)):
        n = np.arange(WHOLE_HOPS - start)
        for harmonic in range(1, 12):
            mix[start:] += 0.2 / harmonic * np.exp(-n * harmonic / 4000) * np.sin(2 * np.pi * f0 * harmonic * n)
    for start in range(0, WHOLE_HOPS, 1500):
        n = np.arange(min(600, WHOLE_HOPS - start))
        mix[start : start + len(n)] += 0.2 * np.exp(-n / 90) * rng.standard_normal(len(n))
    yield "mix", 0.9 * mix / np.abs(mix).max()


MINIM = dict(sr=12000, n_fft=512, hop_length=256, n_mels=96, fmin=0.0, fmax=6000.0, pad_mode="reflect")
MUSICNN = dict(sr=16000, n_fft=512, hop_length=256, n_mels=96, fmin=0.0, fmax=8000.0, pad_mode="constant")
HTK = dict(sr=22050, n_fft=2048, hop_length=700, n_mels=128, fmin=30.0, fmax=11000.0, htk=True, norm=None,
           pad_mode="reflect")


def decibel(power):
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


def log10(power):
    return np.log10(10000.0 * power + 1.0)


CONVENTIONS = {
    "minim": (MINIM, decibel, None),
    "musicnn": (MUSICNN, log10, None),
    "minim-zeros": ({**MINIM, "pad_mode": "constant"}, decibel, ("noise", "mix")),
    "musicnn-reflect": ({**MUSICNN, "pad_mode": "reflect"}, log10, ("noise", "mix")),
    "htk": (HTK, decibel, ("noise", "mix")),
}


def main():
    for signal, samples in signals():
        codes = np.round(np.clip(samples, -1, 1 - 2**-15) * 32768).astype("<i2")
        codes.tofile(HERE / f"{signal}.i16")
        y = codes / 32768.0
        for name, (config, compress, only) in CONVENTIONS.items():
            if only is None or signal in only:
                mel = compress(librosa.feature.melspectrogram(y=y, power=2.0, **config))
                usual = compress(librosa.feature.melspectrogram(y=y.astype(np.float32), power=2.0, **config))
                print(f"{name} {signal}: {mel.shape[1]} frames, {mel.min():.1f} to {mel.max():.1f}, "
                      f"float32 differs by {np.abs(mel - usual).max():.1e}")
                mel.T.astype("<f4").tofile(HERE / f"{name}_{signal}.f32")


if __name__ == "__main__":
    main()
