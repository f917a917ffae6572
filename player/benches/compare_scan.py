#!/usr/bin/env python3
"""Times `player scan` beside decoding alone, and beside musicnn's way in Python, on the same mp3s in one run.

    cargo build --workspace --bin player --example decode_alone
    python -m venv venv && venv/bin/pip install librosa onnxruntime
    venv/bin/python player/benches/compare_scan.py --music FOLDER [--teacher FOLDER] [--threads 1] [--rounds 3]

Each round runs all of them one after the other, pinned to as many cores as there are threads; what counts is the least
time of each. musicnn's way is what its extractor does: librosa.load at 16 kHz, its mel spectrogram, its network on windows
of 3 s, here as ONNX in onnxruntime (--teacher names its folder with model.onnx). It runs on --files files of the folder.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def musicnn(folder: str, teacher: str, files: int) -> None:
    import librosa
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = onnxruntime.InferenceSession(f"{teacher}/model.onnx", options)
    paths = sorted(pathlib.Path(folder).rglob("*.mp3"))[:files]

    def tag(path):
        samples, rate = librosa.load(path, sr=16000)
        mel = librosa.feature.melspectrogram(y=samples, sr=rate, hop_length=256, n_fft=512, n_mels=96).T
        mel = np.log10(10000 * mel + 1).astype(np.float32)
        windows = mel[: len(mel) // 187 * 187].reshape(-1, 187, 96)
        return network.run(["tags"], {"logmel": windows})[0].mean(0)

    tag(paths[0])  # What is loaded and compiled once is not counted.
    started = time.perf_counter()
    for path in paths:
        tag(path)
    print(f"{len(paths)} files: {time.perf_counter() - started:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", required=True)
    parser.add_argument("--teacher")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=20, help="files for Python")
    parser.add_argument("--target", default=os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")))
    parser.add_argument("--musicnn", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.musicnn:
        return musicnn(args.music, args.teacher, args.files)

    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[: args.threads]))

    def run(command):
        command = ["taskset", "-c", cores, *command]
        started = time.perf_counter()
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return time.perf_counter() - started, said

    best = {}
    for _ in range(args.rounds):
        debug = f"{args.target}/debug"
        with tempfile.TemporaryDirectory() as folder:
            ways = {
                "decode and resample": [f"{debug}/examples/decode_alone", args.music, str(args.threads)],
                "player scan": [f"{debug}/player", "scan", args.music, "--db", f"{folder}/l.db", "--jobs",
                                str(args.threads), "--full-priority"],
            }
            if args.teacher:
                ways["musicnn in Python"] = [sys.executable, __file__, "--musicnn", "--music", args.music,
                                             "--teacher", args.teacher, "--files", str(args.files)]
            for name, command in ways.items():
                seconds, said = run(command)
                files = int(re.search(r"(\d+) files", said)[1])
                # Without what Python takes to start.
                inner = re.search(r"([\d.]+) s\s*$", said)
                per_file = (float(inner[1]) if "Python" in name else seconds) / files
                best[name] = min(per_file, best.get(name, per_file))
    print(f"{args.threads} thread(s), least of {args.rounds}, milliseconds a file")
    for name, seconds in best.items():
        print(f"{name:22} {seconds * 1e3:8.1f}   {60 / seconds:8.0f} files a minute")
    scan = best["player scan"]
    print(f"scan / decode and resample: {scan / best['decode and resample']:.2f}")
    if "musicnn in Python" in best:
        print(f"musicnn / scan: {best['musicnn in Python'] / scan:.1f}")


if __name__ == "__main__":
    main()
