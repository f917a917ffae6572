#!/usr/bin/env python3
"""Times ONNX files in tract, through the example time_onnx, and in onnxruntime, one thread each, in turns.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install onnxruntime==1.23.2 numpy==2.4.6
    cargo build -p runtime -p trainer --example time_onnx
    taskset -c 0 /tmp/venv/bin/python runtime/benches/compare_onnxruntime.py target/debug/examples/time_onnx FILE...

Prints a line per file: least milliseconds of tract as the tagger runs it (`fused`), with a known number of frames
(`fixed`), with tract's own operations (`plain`), of onnxruntime, and the ratio of the first to the last; then the int8
files against the float ones. Least and not mean times, because other programs on the machine only ever add.
"""
import argparse
import re
import subprocess
import time

import numpy as np
import onnxruntime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the example time_onnx, built")
    parser.add_argument("files", nargs="+", help="ONNX files with an input [batch, bands, frames]")
    parser.add_argument("--frames", type=int, default=1366, help="frames of the input (29.12 s at 12 kHz)")
    parser.add_argument("--rounds", type=int, default=50, help="runs per turn")
    parser.add_argument("--turns", type=int, default=8, help="turns of each program")
    args = parser.parse_args()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = {f: onnxruntime.InferenceSession(f, options, providers=["CPUExecutionProvider"]) for f in args.files}
    bands = next(iter(sessions.values())).get_inputs()[0].shape[1]
    x = (-(np.arange(bands * args.frames) * 7919 % 200) * 0.5).astype(np.float32).reshape(1, bands, args.frames)

    least = {}

    def note(key, milliseconds):
        least[key] = min(least.get(key, np.inf), milliseconds)

    for _ in range(args.turns):
        command = [args.program, str(args.rounds), str(args.frames), *args.files]
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            found = re.search(r"least +([\d.]+) ms +(\w+) +\d+ blocks +(.*)", line)
            note((found[3], found[2]), float(found[1]))
        for _ in range(args.rounds):
            for file, session in sessions.items():
                start = time.perf_counter()
                session.run(None, {session.get_inputs()[0].name: x})
                note((file, "onnxruntime"), (time.perf_counter() - start) * 1e3)

    ways = ["fused", "fixed", "plain", "onnxruntime"]
    print(f"least of {args.turns * args.rounds} runs in ms, {args.frames} frames, one thread")
    print("".join(f"{way:>12}" for way in [*ways, "ratio"]) + "  file")
    for file in args.files:
        times = [least.get((file, way), np.nan) for way in ways]
        print("".join(f"{t:12.3f}" for t in [*times, times[0] / times[-1]]) + f"  {file}")


main()
