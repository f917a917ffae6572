#!/usr/bin/env python3
"""Runs an ONNX file in onnxruntime: run_onnxruntime.py MODEL FRAMES BANDS.

FRAMES holds float32 [frames, bands]; float32 [windows, tags] goes to standard output.
"""
import sys

import numpy as np
import onnxruntime

model, frames, bands = sys.argv[1:]
options = onnxruntime.SessionOptions()
# On x86 without VNNI its fused int8 kernels saturate sums of two products in 16 bits, which is another network: as
# written, operator by operator, it calculates what the file says.
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
x = np.fromfile(frames, np.float32).reshape(-1, int(bands)).T[None]
(tags,) = session.run(["tags"], {"melgram": np.ascontiguousarray(x)})
sys.stdout.buffer.write(tags.astype("<f4").tobytes())
