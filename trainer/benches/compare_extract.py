#!/usr/bin/env python3
"""Times the trainer's feature extraction, decoding included, beside librosa's on the same mp3s, on one core in one run.

    cargo build --workspace
    python -m venv venv && venv/bin/pip install librosa
    venv/bin/python trainer/benches/compare_extract.py --music FOLDER [--rounds 3]

FOLDER has sub-folders with mp3s, which are a corpus. The trainer's time is all of `trainer extract` into an empty cache, from its
start to its end: hashing, decoding, resampling, log-mels, 8-bit codes and writing them. librosa's is load at 12 kHz and
melspectrogram in decibels, the same front end, after a first file that is not counted. Of each the least time counts.
"""

import argparse
import json
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
    with tempfile.TemporaryDirectory() as cache:
        command = [f"{target}/debug/trainer", "extract", "--corpus", f"folder:{music}", "--cache", cache, "--jobs", "1", "--json"]
        started = time.perf_counter()
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        took = time.perf_counter() - started
    if said["computed"] != files:
        raise SystemExit(f"the trainer did not compute {files} files: {said}")
    return took / files


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
