#!/usr/bin/env python3
"""Measures the constants of the ensemble over free music and writes ensemble.json (see README.md).

    python measure_ensemble.py --teachers DIR --audio FOLDER_OR_LIST [--windows 3] [--logits FILE.npz]

Needs ffmpeg. Files that cannot be decoded are named and left out. With `--logits`, what was heard is kept in that
file: a listening that was broken off goes on from there, and without `--audio` another set of weights needs none.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
from pathlib import Path

import numpy as np

import ensemble
from front_end import AudioError, decode
from make_teachers import write
from package import TEACHERS
from scores import Teacher, spread_windows

KINDS = {".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
LONGEST_SECONDS = 120  # of a track; more of it adds time and little else
SAVE_EVERY = 20  # files


def audio_files(source: Path) -> list[Path]:
    """The audio files below a folder, or those that a text file names, one a line."""
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if path.suffix.lower() in KINDS and path.is_file())
    return [Path(line) for line in source.read_text().splitlines() if line.strip()]


class Heard:
    """Logits of the windows heard so far, kept in a file after every few tracks so that a long listening resumes."""

    def __init__(self, file: Path | None):
        self.file = file
        self.seen = 0  # files tried, in order
        self.files = 0  # of these, the ones with sound
        self.logits = {name: [] for name in TEACHERS}
        if file and file.exists():
            with np.load(file) as kept:
                self.seen, self.files = int(kept["seen"]), int(kept["files"])
                self.logits = {name: [kept[name]] for name in TEACHERS}

    def save(self) -> None:
        if self.file and self.files:
            data = io.BytesIO()
            np.savez(data, seen=self.seen, files=self.files, **self.joined())
            write(self.file, data.getvalue())

    def joined(self) -> dict[str, np.ndarray]:
        if not self.files:
            raise ensemble.EnsembleError("no file with a whole window of sound in it")
        return {name: np.concatenate(parts) for name, parts in self.logits.items()}


def listen(teachers: Path, files: list[Path], windows: int, heard: Heard) -> None:
    """Adds every teacher's logits of some windows of each file that was not heard yet."""
    # In random order (always the same), so that a listening that was broken off has heard a fair sample.
    random.Random(0).shuffle(files)
    networks = {name: Teacher(teachers / name / "model.onnx") for name in TEACHERS} if heard.seen < len(files) else {}
    for path in files[heard.seen :]:
        heard.seen += 1
        try:
            batch = spread_windows(decode(path, LONGEST_SECONDS), windows)
        except AudioError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if len(batch):
            heard.files += 1
            for name, network in networks.items():
                heard.logits[name].append(network.logits(batch))
        if heard.seen % SAVE_EVERY == 0:
            heard.save()
        print(f"\r{heard.seen} of {len(files)} files", end="", file=sys.stderr, flush=True)
    if networks:
        print(file=sys.stderr)
        heard.save()


def read_weights(text: str) -> dict[str, float]:
    """A weight for each teacher from `1,0,1,1`. Raises ValueError."""
    values = [float(part) for part in text.split(",")]
    if len(values) != len(TEACHERS):
        raise ValueError(f"--weights {text}: {len(TEACHERS)} numbers are needed")
    return dict(zip(TEACHERS, values))


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the constants of the ensemble over free music.")
    parser.add_argument("--teachers", required=True, type=Path, metavar="DIR", help="what make_teachers.py --to made")
    parser.add_argument("--audio", type=Path, metavar="PATH", help="folder of audio, or a file with one path a line")
    parser.add_argument("--windows", type=int, default=3, metavar="N", help="windows of each file (default: 3)")
    parser.add_argument("--logits", type=Path, metavar="FILE", help="keep what was heard here, and go on from it")
    parser.add_argument("--weights", metavar="W,W,W,W", help=f"of {', '.join(TEACHERS)} (default: ensemble.py's)")
    parser.add_argument("--note", default="", help="where the audio is from, for ensemble.json")
    parser.add_argument("--to", type=Path, default=ensemble.CONSTANTS, help="default: ensemble.json beside this file")
    arguments = parser.parse_args()
    try:
        heard = Heard(arguments.logits)
        if arguments.audio:
            listen(arguments.teachers, audio_files(arguments.audio), arguments.windows, heard)
        elif not heard.files:
            parser.error("--audio is needed, or --logits with a file that exists")
        logits = heard.joined()
        weights = read_weights(arguments.weights) if arguments.weights else ensemble.WEIGHTS
        exact = {name: value.astype(np.float64) for name, value in logits.items()}
        matrix, bias, moments = ensemble.measure(exact, weights)
        note = f"{heard.files} files" + (f" of {arguments.note}" if arguments.note else "")
        text = ensemble.to_json(matrix, bias, moments, weights, note, len(logits[ensemble.REFERENCE]))
        write(arguments.to, text.encode())
    except (ensemble.EnsembleError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.to}: {len(logits[ensemble.REFERENCE])} windows of {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
