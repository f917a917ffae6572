"""musicnn's two kinds of network as ONNX graphs, layer by layer as in the package's `models.py`.

TensorFlow computes on [batch, frames, bands, channels], ONNX on [batch, channels, frames, bands]; weights are
turned once, here. Only plain operators are used (Conv, BatchNormalization, Relu, MaxPool, ReduceMax, ReduceMean,
Concat, Gemm), so that any small ONNX runtime can run a teacher.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tags import FRAMES, MEL_BANDS

OPSET = 17
IR_VERSION = 8
BN_EPSILON = 1e-3  # the default of tf.compat.v1.layers.batch_normalization


class Graph:
    """ONNX nodes and weights under construction; every name starts with `prefix`."""

    def __init__(self, variables: dict[str, np.ndarray], prefix: str = ""):
        self.variables = variables
        self.prefix = prefix
        self.nodes = []
        self.weights = {}
        self.norms = 0
        self.parameters = 0

    def weight(self, name: str, value: np.ndarray, dtype=np.float32) -> str:
        name = self.prefix + name
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name)
        return name

    def node(self, op: str, inputs: list[str], name: str, **attributes) -> str:
        output = self.prefix + name
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def variable(self, name: str) -> np.ndarray:
        value = self.variables[name]
        self.parameters += value.size
        return value

    def norm(self, x: str) -> str:
        """Batch normalisation with moving averages. TensorFlow numbers them in order of creation; so do we."""
        scope = "batch_normalization" + (f"_{self.norms}" if self.norms else "")
        self.norms += 1
        parts = ["gamma", "beta", "moving_mean", "moving_variance"]
        inputs = [self.weight(f"{scope}.{part}", self.variable(f"{scope}/{part}")) for part in parts]
        return self.node("BatchNormalization", [x, *inputs], f"{scope}.out", epsilon=BN_EPSILON)

    def conv(self, x: str, scope: str, pads: list[int], flat: bool = False) -> str:
        """Convolution and ReLU. `pads`: before and after, of frames (and bands). `flat`: bands are the channels."""
        kernel = self.variable(f"{scope}/kernel")  # [frames, bands, in, out]
        # A flat convolution covers all "bands" (features of the layer before) at once: a 1-D one in ONNX.
        kernel = kernel[:, :, 0, :].transpose(2, 1, 0) if flat else kernel.transpose(3, 2, 0, 1)
        weight = self.weight(f"{scope}.weight", kernel)
        inputs = [x, weight, self.weight(f"{scope}.bias", self.variable(f"{scope}/bias"))]
        shape = list(kernel.shape[2:])
        y = self.node("Conv", inputs, f"{scope}.conv", kernel_shape=shape, pads=pads, strides=[1] * len(shape))
        return self.node("Relu", [y], f"{scope}.relu")

    def dense(self, x: str, scope: str) -> str:
        inputs = [
            x,
            self.weight(f"{scope}.weight", self.variable(f"{scope}/kernel").T),
            self.weight(f"{scope}.bias", self.variable(f"{scope}/bias")),
        ]
        return self.node("Gemm", inputs, f"{scope}.out", transB=1)

    def unsqueeze(self, x: str, axis: int, name: str) -> str:
        return self.node("Unsqueeze", [x, self.weight(f"{name}.axis", [axis], np.int64)], name)


def same(length: int) -> tuple[int, int]:
    """Zeros before and after for TensorFlow's "same" padding at stride 1: an even kernel's odd one comes after."""
    return (length - 1) // 2, length // 2


def musicnn(graph: Graph, logmel: str) -> tuple[str, str]:
    """`build_musicnn`: from [batch, frames, bands] to (logits [batch, 50], penultimate [batch, 200])."""
    x = graph.norm(graph.unsqueeze(logmel, 1, "image"))
    # Front end. Timbral filters are tall (38 and 67 bands) and 7 frames wide; temporal ones 1 band tall and long.
    layers = []
    for scope, pads in [
        ("conv2d", (3, 0, 3, 0)),
        ("conv2d_1", (3, 0, 3, 0)),
        *[(f"conv2d_{2 + i}", (same(k)[0], 0, same(k)[1], 0)) for i, k in enumerate((128, 64, 32))],
    ]:
        y = graph.norm(graph.conv(x, scope, list(pads)))
        layers.append(graph.node("ReduceMax", [y], f"{scope}.pool", axes=[3], keepdims=0))
    front = graph.node("Concat", layers, "front", axis=1)
    # Mid end: three 1-D convolutions; the second and third add what they were given.
    first = graph.norm(graph.conv(front, "conv2d_5", [3, 3], flat=True))
    second = graph.norm(graph.conv(first, "conv2d_6", [3, 3], flat=True))
    second = graph.node("Add", [second, first], "second")
    third = graph.norm(graph.conv(second, "conv2d_7", [3, 3], flat=True))
    third = graph.node("Add", [third, second], "third")
    features = graph.node("Concat", [front, first, second, third], "features", axis=1)
    # Back end: maximum and mean over time side by side, then two dense layers.
    pools = []
    for op in ["ReduceMax", "ReduceMean"]:
        y = graph.node(op, [features], f"features.{op}", axes=[2], keepdims=0)
        pools.append(graph.unsqueeze(y, 2, f"features.{op}.column"))
    y = graph.node("Flatten", [graph.node("Concat", pools, "pools", axis=2)], "flat", axis=1)
    y = graph.dense(graph.norm(y), "dense")
    penultimate = graph.norm(graph.node("Relu", [y], "dense.relu"))
    return graph.dense(penultimate, "dense_1"), penultimate


def vgg(graph: Graph, logmel: str) -> tuple[str, str]:
    """`vgg`: from [batch, frames, bands] to (logits [batch, 50], penultimate [batch, 256], which is `pool5`)."""
    x = graph.norm(graph.unsqueeze(logmel, 1, "image"))
    pools = [([4, 1], [2, 2]), ([2, 2], [2, 2]), ([2, 2], [2, 2]), ([2, 2], [2, 2]), ([4, 4], [4, 4])]
    for number, (shape, strides) in enumerate(pools, start=1):
        x = graph.norm(graph.conv(x, f"{number}CNN", [1, 1, 1, 1]))
        x = graph.node("MaxPool", [x], f"pool{number}", kernel_shape=shape, strides=strides, pads=[0, 0, 0, 0])
    # TensorFlow flattens with the channels last.
    x = graph.node("Transpose", [x], "pool5.channels_last", perm=[0, 2, 3, 1])
    penultimate = graph.node("Flatten", [x], "flat", axis=1)
    return graph.dense(penultimate, "dense"), penultimate


def build(teacher: str, graph: Graph, logmel: str) -> tuple[str, str]:
    """Adds the teacher's network to the graph; names of its logits and its penultimate layer."""
    return (vgg if teacher.endswith("vgg") else musicnn)(graph, logmel)


def model(name: str, nodes, weights, penultimate_size: int, tags: int):
    """The ONNX model of finished nodes: `logmel` [batch, 187, 96] to `tags` and `penultimate`."""
    def value(label, shape):
        return helper.make_tensor_value_info(label, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        name,
        [value("logmel", ["batch", FRAMES, MEL_BANDS])],
        [value("tags", ["batch", tags]), value("penultimate", ["batch", penultimate_size])],
        list(weights),
    )
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="minim make_teachers")


def single(name: str, variables: dict[str, np.ndarray], tags: int):
    """A single teacher as an ONNX model, and how many numbers it holds."""
    graph = Graph(variables)
    logits, penultimate = build(name, graph, "logmel")
    graph.nodes.append(helper.make_node("Sigmoid", [logits], ["tags"], name="tags"))
    graph.nodes.append(helper.make_node("Identity", [penultimate], ["penultimate"], name="penultimate"))
    size = 256 if name.endswith("vgg") else int(variables["dense/bias"].size)
    return model(name, graph.nodes, graph.weights.values(), size, tags), graph.parameters
