"""Runs teachers over audio with onnxruntime and reads their logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from front_end import FRAMES, log_mel


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
    """[up to count, 187, 96] windows, evenly over the sound."""
    spectrogram = log_mel(samples)
    available = len(spectrogram) // FRAMES
    chosen = np.unique(((np.arange(count) + 0.5) * available / count).astype(int)) if available else []
    return np.stack([spectrogram[i * FRAMES : (i + 1) * FRAMES] for i in chosen]) if available else np.empty((0, FRAMES, 96), "f4")
