#!/usr/bin/env python3
"""Makes ONNX teachers with cards from the public package musicnn (see README.md beside this file).

    python make_teachers.py --to DIR                 all four teachers
    python make_teachers.py --to DIR MSD_musicnn     only this one
    python make_teachers.py --to DIR --ensemble      the ensemble as well
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import onnx

import ensemble
import networks
import package
from tags import FRAMES, FRONT_END, tags_of


def card(name: str, tags: list[str], parameters: int, source: str) -> dict:
    """What a program needs to know to run the teacher and name its outputs."""
    return {
        "name": name,
        "input": {
            "name": "logmel",
            "layout": ["batch", "frames", "mel_bands"],
            "frames": FRAMES,
            "hop_frames": FRAMES,
        },
        "outputs": {"tags": "tags", "embedding": "penultimate"},
        "front_end": FRONT_END,
        "tags": tags,
        "parameters": parameters,
        "licence": "ISC",
        "source": source,
    }


def write(path: Path, data: bytes) -> None:
    """Writes the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def save(folder: Path, model: onnx.ModelProto, description: dict) -> None:
    onnx.checker.check_model(model, full_check=True)
    write(folder / "model.onnx", model.SerializeToString())
    write(folder / "card.json", (json.dumps(description, indent=1) + "\n").encode())
    print(f"{folder}: {description['parameters']} parameters, {len(description['tags'])} tags")


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes ONNX teachers from the public package musicnn 0.1.0.")
    names = ", ".join(package.TEACHERS)
    parser.add_argument("teachers", nargs="*", metavar="TEACHER", help=f"of {names} (default: all)")
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="each teacher becomes a folder in it")
    parser.add_argument("--package", type=Path, metavar="FILE", help="musicnn's wheel or sdist (default: by pip)")
    parser.add_argument("--ensemble", action="store_true", help="also make ENSEMBLE, several in one model")
    constants = {"type": Path, "default": ensemble.CONSTANTS, "metavar": "FILE"}
    parser.add_argument("--constants", **constants, help="of the ensemble (default: ensemble.json beside this file)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.teachers if name not in package.TEACHERS]
    if unknown:
        parser.error(f"no teacher {unknown[0]}; there are {names}")
    chosen = arguments.teachers or package.TEACHERS
    try:
        loaded = package.load(arguments.package, package.TEACHERS if arguments.ensemble else chosen)
        for name in chosen:
            model, parameters = networks.single(name, loaded[name], len(tags_of(name)))
            source = f"PyPI {package.REQUIREMENT.replace('==', ' ')}, folder {name}"
            save(arguments.to / name, model, card(name, tags_of(name), parameters, source))
        if arguments.ensemble:
            model, description = ensemble.build(loaded, card, arguments.constants)
            save(arguments.to / "ENSEMBLE", model, description)
    except (package.PackageError, package.CheckpointError, ensemble.EnsembleError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
