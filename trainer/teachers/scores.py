"""Runs teachers over audio with onnxruntime and reads their logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from front_end import HOP, log_mel
from tags import FRAMES, MEL_BANDS


class Teacher:
    """A teacher's ONNX file, made to give the logits. Probabilities near 0 and 1 round their logits away."""

    def __init__(self, model: Path, threads: int = 1):
        graph = onnx.load(model)
        (sigmoid,) = [node for node in graph.graph.node if node.output[0] == "tags"]
        self.output = sigmoid.input[0]
        graph.graph.output.append(onnx.helper.make_tensor_value_info(self.output, onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(graph.SerializeToString(), options, ["CPUExecutionProvider"])

    def logits(self, windows: np.ndarray) -> np.ndarray:
        """[windows, tags] of [windows, 187, 96]."""
        return self.session.run([self.output], {"logmel": windows})[0]


def spread_windows(samples: np.ndarray, count: int) -> np.ndarray:
    """[up to count, 187, 96] windows, evenly over the sound; equal to those of the whole sound's log-mel."""
    available = (len(samples) // HOP + 1) // FRAMES
    if not available:
        return np.empty((0, FRAMES, MEL_BANDS), np.float32)
    windows = []
    for index in np.unique(((np.arange(count) + 0.5) * available / count).astype(int)):
        # Two frames more on each side, so that the frames that count see the sound around them and not zeros.
        first = index * FRAMES
        before = min(first, 2)
        part = samples[(first - before) * HOP : (first + FRAMES + 2) * HOP]
        windows.append(log_mel(part)[before : before + FRAMES])
    return np.stack(windows)
