#!/usr/bin/env python3
"""Reads packed models by docs/model-format.md alone, runs them, and compares with onnxruntime on the ONNX file beside each.

    python tests/parity/read_packed.py models/k2c1-msd50 ...

Written from the specification and not from the code: where it fails, one of the two is wrong. Slow and plain on purpose.
"""
import pathlib
import struct
import sys
import zlib

import numpy as np
import onnxruntime


class Header:
    """Postcard's encoding."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def signed_byte(self):
        value = self.byte()
        return value - 256 if value > 127 else value

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def f32(self):
        self.at += 4
        return struct.unpack_from("<f", self.data, self.at - 4)[0]

    def text(self):
        length = self.varint()
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def optional(self, read):
        return read() if self.byte() else None


class Model:
    def __init__(self, data):
        assert data[:8] == b"MINIMBIN"
        version, length, header_length, checksum = struct.unpack_from("<4I", data, 8)
        assert (version, length) == (1, len(data))
        assert zlib.crc32(data[:20] + data[24:]) == checksum
        self.data, h = data, Header(data, 24)
        self.name = h.text()
        self.sample_rate, self.n_fft, self.hop_length, self.mel_bands = (h.varint() for _ in range(4))
        self.edges = h.f32(), h.f32()
        self.scale, self.norm, self.padding, compression = (h.varint() for _ in range(4))
        if compression == 1:
            h.f32(), h.f32()
        self.input = h.f32(), h.signed_byte()
        layers, tags = h.byte(), h.varint()
        self.layers = []
        for _ in range(layers):
            layer = dict(inputs=h.varint(), outputs=h.varint(), kernel=h.byte(), pool=h.byte())
            layer |= dict(weights=h.varint(), rescale=h.varint(), table=h.optional(h.varint))
            layer |= dict(pooled=(h.f32(), h.signed_byte()), output=(h.f32(), h.signed_byte()))
            self.layers.append(layer)
        self.tags = [(h.text(), h.optional(h.f32)) for _ in range(tags)]
        assert h.at == 24 + header_length

    def field_and_stride(self):
        field, stride = 1, 1
        for layer in reversed(self.layers):
            field = field * layer["pool"] + layer["kernel"] - 1
            stride *= layer["pool"]
        return field, stride

    def run(self, codes):
        """Probabilities [windows, tags] of codes [frames, bands]."""
        x = codes.astype(np.int64) - 128
        for layer in self.layers:
            x = self.layer(x, **layer)
        scale, zero_point = self.layers[-1]["pooled"]
        return 1 / (1 + np.exp(-scale * (x - zero_point)))

    def layer(self, x, inputs, outputs, kernel, pool, weights, rescale, table, pooled, output):
        column = inputs + inputs % 2
        taps, quads = -(-kernel * column // 8) * 8, -(-outputs // 4)
        both = np.frombuffer(self.data, "<i2", 2 * quads * taps, weights).astype(np.int64)
        both = both.reshape(quads, taps // 8, 2, 8)
        b = (both + 128) % 256 - 128
        a = (both - b) // 256
        matrix = np.zeros((4 * quads, taps), np.int64)
        for p in range(2):
            matrix[2 * p::4] = a[:, :, p].reshape(quads, taps)
            matrix[2 * p + 1::4] = b[:, :, p].reshape(quads, taps)
        assert np.abs(matrix).sum(1).max() < 65536
        numbers = np.frombuffer(self.data, [("bias", "<i4"), ("multiplier", "<u4")], outputs, rescale)
        columns = np.zeros((len(x), column), np.int64)
        columns[:, :inputs] = x
        positions = len(x) - kernel + 1
        windows = np.zeros((positions, taps), np.int64)
        for t in range(kernel):
            windows[:, t * column:(t + 1) * column] = columns[t:t + positions]
        sums = (windows @ matrix.T)[:, :outputs] + numbers["bias"]
        peaks = sums[:positions // pool * pool].reshape(-1, pool, outputs).max(1)
        product = peaks * numbers["multiplier"].astype(np.int64)
        whole, fraction = product >> 32, product & 0xFFFFFFFF
        up = (fraction > 1 << 31) | ((fraction == 1 << 31) & (whole % 2 == 1))
        integers = np.clip(whole + up + pooled[1], -128, 127)
        if table is None:
            return integers
        return np.frombuffer(self.data, np.int8, 256, table)[integers + 128].astype(np.int64)


def main():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    for folder in map(pathlib.Path, sys.argv[1:]):
        model = Model((folder / "model.bin").read_bytes())
        field, stride = model.field_and_stride()
        # A walk through the codes: loud, soft and everything between.
        walk = np.random.default_rng(1).normal(0, 12, (field + 3 * stride, model.mel_bands)).cumsum(0)
        codes = (np.abs(walk) % 256).astype(np.uint8)
        session = onnxruntime.InferenceSession(
            str(folder / "model.int8.onnx"), options, providers=["CPUExecutionProvider"])
        melgram = np.ascontiguousarray((codes.astype(np.float32) * 0.5 - 100).T[None])
        (expected,) = session.run(["tags"], {"melgram": melgram})
        got = model.run(codes)
        assert got.shape == expected[0].shape == (4, len(model.tags))
        difference = np.abs(got - expected[0]).max()
        print(f"{model.name}: {len(model.tags)} tags, {got.shape[0]} windows, at most {difference:.1e} from onnxruntime")
        assert difference < 1e-6


main()
