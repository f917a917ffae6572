#!/usr/bin/env python3
"""Times the trainer's feature extraction, decoding included, beside librosa's on the same mp3s, on one core in one run.

    cargo build --workspace
    python -m venv venv && venv/bin/pip install librosa
    venv/bin/python trainer/benches/compare_extract.py --music FOLDER [--rounds 3]

FOLDER has sub-folders with mp3s, which are a corpus. The trainer's time is that of `trainer eval` with an empty cache less that
with a full one, which is decoding, resampling, log-mels, 8-bit codes and writing them. librosa's is load at 12 kHz and
melspectrogram in decibels, the same front end, after a first file that is not counted. Of each the least time counts.
"""

import argparse
import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def by_librosa(paths):
    import librosa

    def extract(path):
        samples, rate = librosa.load(path, sr=12000)
        mel = librosa.feature.melspectrogram(y=samples, sr=rate, n_fft=512, hop_length=256, n_mels=96)
        return librosa.power_to_db(mel)

    extract(paths[0])
    started = time.perf_counter()
    for path in paths:
        extract(path)
    return (time.perf_counter() - started) / len(paths)


def by_trainer(music, files, target):
    command = [f"{target}/debug/trainer", "eval", "--model", str(ROOT / "models/synth-k2c1"), "--corpus", f"folder:{music}",
               "--split", "all", "--jobs", "1"]
    with tempfile.TemporaryDirectory() as cache:

        def run():
            started = time.perf_counter()
            # Its tags are not those of the folders, so it ends with an error; by then it has the features.
            said = subprocess.run([*command, "--cache", cache], capture_output=True, text=True).stderr
            return time.perf_counter() - started, said

        cold, said = run()
        if f"({files} computed now" not in said:
            raise SystemExit(f"the trainer did not compute {files} files:\n{said}")
        warm, _ = run()
    return (cold - warm) / files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=40, help="files for librosa")
    parser.add_argument("--target", default=os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")))
    args = parser.parse_args()
    # One core for this process and for those that it starts.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    paths = sorted(pathlib.Path(args.music).rglob("*.mp3"))
    ours = theirs = float("inf")
    for _ in range(args.rounds):
        ours = min(ours, by_trainer(args.music, len(paths), args.target))
        theirs = min(theirs, by_librosa(paths[: args.files]))
    print(f"one core, least of {args.rounds}: trainer {ours * 1e3:.1f} ms a file, librosa {theirs * 1e3:.1f} ms")
    print(f"librosa / trainer: {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
