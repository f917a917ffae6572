#!/usr/bin/env python3
"""Measures the constants of the ensemble over free music and writes ensemble.json (see README.md).

    python measure_ensemble.py --teachers DIR --audio FOLDER_OR_LIST [--windows 3] [--logits FILE.npz]

Needs ffmpeg. Files that cannot be decoded are named and left out. With `--logits`, what was heard is kept in that
file and taken from it the next time, so that another set of weights costs no second listening.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import ensemble
from front_end import AudioError, decode
from make_teachers import write
from package import TEACHERS
from scores import Teacher, spread_windows

KINDS = {".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
LONGEST_SECONDS = 240  # of a track; more of it adds time and little else


def audio_files(source: Path) -> list[Path]:
    """The audio files below a folder, or those that a text file names, one a line."""
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if path.suffix.lower() in KINDS and path.is_file())
    return [Path(line) for line in source.read_text().splitlines() if line.strip()]


def listen(teachers: Path, files: list[Path], windows: int) -> tuple[dict[str, np.ndarray], int]:
    """Every teacher's logits of some windows of each file, and the number of files that could be read."""
    networks = {name: Teacher(teachers / name / "model.onnx") for name in TEACHERS}
    logits, heard = {name: [] for name in TEACHERS}, 0
    for number, path in enumerate(files, start=1):
        try:
            batch = spread_windows(decode(path, LONGEST_SECONDS), windows)
        except AudioError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if len(batch):
            heard += 1
            for name, network in networks.items():
                logits[name].append(network.logits(batch))
        print(f"\r{number} of {len(files)} files", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not heard:
        raise ensemble.EnsembleError("no file with a whole window of sound in it")
    return {name: np.concatenate(parts) for name, parts in logits.items()}, heard


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the constants of the ensemble over free music.")
    parser.add_argument("--teachers", required=True, type=Path, metavar="DIR", help="what make_teachers.py --to made")
    parser.add_argument("--audio", type=Path, metavar="PATH", help="folder of audio, or a text file with one path a line")
    parser.add_argument("--windows", type=int, default=3, metavar="N", help="windows of each file (default: 3)")
    parser.add_argument("--logits", type=Path, metavar="FILE", help="keep what was heard here, or take it from here")
    parser.add_argument("--note", default="", help="where the audio is from, for ensemble.json")
    parser.add_argument("--to", type=Path, default=ensemble.CONSTANTS, help="default: ensemble.json beside this file")
    arguments = parser.parse_args()
    try:
        if arguments.logits and arguments.logits.exists():
            with np.load(arguments.logits) as kept:
                heard = int(kept["files"])
                logits = {name: kept[name] for name in TEACHERS}
        elif arguments.audio:
            logits, heard = listen(arguments.teachers, audio_files(arguments.audio), arguments.windows)
            if arguments.logits:
                with open(arguments.logits, "wb") as file:
                    np.savez(file, files=heard, **logits)
        else:
            parser.error("--audio is needed, or --logits with a file that exists")
        matrix, bias, moments = ensemble.measure({name: value.astype(np.float64) for name, value in logits.items()})
        note = f"{heard} files" + (f" of {arguments.note}" if arguments.note else "")
        text = ensemble.to_json(matrix, bias, moments, note, len(logits[ensemble.REFERENCE]))
        write(arguments.to, text.encode())
    except (ensemble.EnsembleError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.to}: {len(logits[ensemble.REFERENCE])} windows of {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
