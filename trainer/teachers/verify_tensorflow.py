#!/usr/bin/env python3
"""Compares each teacher with musicnn's own graph in TensorFlow (see README.md; not needed to make teachers).

    python verify_tensorflow.py --package musicnn-0.1.0-py3-none-any.whl --teachers DIR [--audio FILE ...]

The package's `models.py` builds the network and TensorFlow restores the checkpoint; nothing of ours has a part in
it. Log-mels are fed directly: musicnn's extractor rounds them to float16, which overflows under NumPy 2.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import onnxruntime
import tensorflow as tf

from front_end import windows
from package import TEACHERS
from tags import FRAMES, MEL_BANDS, tags_of

TOLERANCE = 1e-5  # of probabilities; sums in another order differ by a few millionths


def original(package: Path, teacher: str, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities, penultimate layer) by musicnn's own code; `package` is the unpacked wheel."""
    from musicnn import models

    tf.compat.v1.reset_default_graph()
    with tf.name_scope("model"):
        x = tf.compat.v1.placeholder(tf.float32, [None, FRAMES, MEL_BANDS])
        is_training = tf.compat.v1.placeholder(tf.bool)
        outputs = models.define_model(x, is_training, teacher, len(tags_of(teacher)))
        # The last output is the penultimate layer of musicnn, and pool5 of vgg.
        wanted = [tf.nn.sigmoid(outputs[0]), outputs[-1]]
    options = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    with tf.compat.v1.Session(config=options) as session:
        tf.compat.v1.train.Saver().restore(session, f"{package}/musicnn/{teacher}/")
        tags, hidden = session.run(wanted, {x: batch, is_training: False})
    return tags, hidden.reshape(len(batch), -1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares teachers with musicnn's own graph in TensorFlow.")
    parser.add_argument("--package", required=True, type=Path, metavar="FILE", help="musicnn's wheel")
    parser.add_argument("--teachers", required=True, type=Path, metavar="DIR", help="what make_teachers.py --to made")
    parser.add_argument("--audio", nargs="*", default=[], type=Path, help="music, beside random input")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")  # of tf.compat.v1.layers' age
    tf.compat.v1.disable_eager_execution()
    random = np.random.default_rng(0)
    batches = {
        "noise": random.uniform(0, 4, (16, FRAMES, MEL_BANDS)).astype(np.float32),
        "silence": np.zeros((1, FRAMES, MEL_BANDS), np.float32),
    }
    if arguments.audio:
        batches["music"] = np.concatenate([windows(path) for path in arguments.audio])
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(arguments.package) as archive:
            archive.extractall(folder)
        sys.path.insert(0, folder)
        for teacher in TEACHERS:
            session = onnxruntime.InferenceSession(arguments.teachers / teacher / "model.onnx")
            for label, batch in batches.items():
                theirs = original(Path(folder), teacher, batch)
                ours = session.run(["tags", "penultimate"], {"logmel": batch})
                tags, hidden = (float(np.abs(a - b).max()) for a, b in zip(theirs, ours))
                worst = max(worst, tags)
                print(f"{teacher}, {label}, {len(batch)} windows: ", end="")
                print(f"tags differ by at most {tags:.1e}, penultimate by {hidden:.1e}")
    if worst > TOLERANCE:
        print(f"error: tags differ by {worst:.1e}, more than {TOLERANCE:.0e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
