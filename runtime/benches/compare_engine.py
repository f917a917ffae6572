#!/usr/bin/env python3
"""Times the integer engine beside tract and onnxruntime, one thread each, in turns, and writes the table into docs/engine.md.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install onnxruntime==1.23.2 numpy==2.4.6
    cargo build -p runtime -p trainer --example time_onnx --example time_engine
    taskset -c 0 /tmp/venv/bin/python runtime/benches/compare_engine.py target/debug/examples models/k2c1-msd50 ...

Least and not mean times, because other programs on the machine only ever add. onnxruntime runs int8 files twice: as it comes,
where CPUs without VNNI add products in 16 bits that overflow, which is another network; and told to add them up exactly.
"""
import argparse
import pathlib
import re
import subprocess
import time

import numpy as np
import onnxruntime

MARK = "<!-- written by runtime/benches/compare_engine.py -->"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", type=pathlib.Path, help="folder with the examples time_onnx and time_engine")
    parser.add_argument("models", nargs="+", type=pathlib.Path, help="model folders")
    parser.add_argument("--frames", type=int, default=1366, help="frames of the input (29.12 s at 12 kHz)")
    parser.add_argument("--rounds", type=int, default=30, help="runs per turn")
    parser.add_argument("--turns", type=int, default=8, help="turns of each program")
    parser.add_argument("--docs", type=pathlib.Path, help="write the table into this page, between its marks")
    args = parser.parse_args()

    def session(path, exact):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        broken = []
        if exact:
            # CPUs before VNNI add pairs of products in 16 bits, which overflow; this asks for the sums that the file means.
            # 1.23 answers that by making int8 uint8 before anything else, and aborts; without that step the sums are the same.
            options.add_session_config_entry("session.x64quantprecision", "1")
            broken = ["QDQS8ToU8Transformer"]
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=broken)

    x = (-(np.arange(96 * args.frames) * 7919 % 200) * 0.5).astype(np.float32).reshape(1, 96, args.frames)
    sessions = {}
    for model in args.models:
        sessions[(model, "float")] = session(str(model / "model.onnx"), False)
        sessions[(model, "int8")] = session(str(model / "model.int8.onnx"), False)
        sessions[(model, "exact")] = session(str(model / "model.int8.onnx"), True)
    least = {}

    def note(key, milliseconds):
        least[key] = min(least.get(key, np.inf), milliseconds)

    for _ in range(args.turns):
        bins = [str(model / "model.bin") for model in args.models]
        command = [str(args.examples / "time_engine"), str(args.rounds), str(args.frames), *bins]
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            found = re.search(r"least +([\d.]+) ms +(\w+)\S* +(.*)", line)
            note((found[3], found[2]), float(found[1]))
        onnx = [str(model / "model.int8.onnx") for model in args.models]
        command = [str(args.examples / "time_onnx"), str(args.rounds), str(args.frames), *onnx]
        for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
            found = re.search(r"least +([\d.]+) ms +(\w+) +\d+ blocks +(.*)", line)
            note((found[3], found[2]), float(found[1]))
        for _ in range(args.rounds):
            for key, one in sessions.items():
                start = time.perf_counter()
                one.run(None, {"melgram": x})
                note(key, (time.perf_counter() - start) * 1e3)

    table = [
        f"Least of {args.turns * args.rounds} runs in turns, in milliseconds, {args.frames} frames "
        f"({args.frames * 256 / 12000:.2f} s of audio), one thread; {processor()}.",
        "",
        "| model | engine, whole song | engine, stream | tract, int8 | onnxruntime, float | onnxruntime, int8, exact sums | "
        "onnxruntime, int8, as it comes | engine / faster exact onnxruntime | engine / fastest onnxruntime |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for model in args.models:
        engine = least[(str(model / "model.bin"), "batch")]
        stream = least[(str(model / "model.bin"), "stream")]
        tract = least[(str(model / "model.int8.onnx"), "fused")]
        ort = [least[(model, way)] for way in ("float", "exact", "int8")]
        ratios = engine / min(ort[:2]), engine / min(ort)
        numbers = " | ".join(f"{t:.2f}" for t in (engine, stream, tract, *ort, *ratios))
        table.append(f"| {model.name} | {numbers} |")
    print("\n".join(table))
    if args.docs:
        before, _, after = args.docs.read_text().split(MARK)
        args.docs.write_text(before + MARK + "\n" + "\n".join(table) + "\n" + MARK + after)


def processor():
    info = pathlib.Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.*)", info.read_text()) if info.exists() else []
    return names[0] if names else "unknown processor"


main()
