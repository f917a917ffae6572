"""Tests without the package and without network: `python -m unittest` in this folder."""

import struct
import unittest

import numpy as np
import onnx
import onnxruntime

import ensemble
import networks
from checkpoint import CheckpointError, TABLE_MAGIC, masked_crc32c, read_checkpoint
from package import TEACHERS
from tags import MSD_TAGS, MTT_TAGS, tags_of


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    body, before = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(before)) and key[shared] == before[shared]:
            shared += 1
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    body += struct.pack("<II", 0, 1) + b"\0"  # one restart at 0; not compressed
    return body + struct.pack("<I", masked_crc32c(body))


def checkpoint(variables: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    """(index, data) as TensorFlow writes them, with float32 variables."""
    data, entries = b"", [(b"", b"\x08\x01")]
    for name in sorted(variables):
        raw = variables[name].astype("<f4").tobytes()
        dims = b"".join(b"\x12" + varint(len(d)) + d for d in (b"\x08" + varint(n) for n in variables[name].shape))
        entry = b"\x08\x01\x12" + varint(len(dims)) + dims + b"\x20" + varint(len(data)) + b"\x28" + varint(len(raw))
        entries.append((name.encode(), entry + b"\x35" + struct.pack("<I", masked_crc32c(raw))))
        data += raw
    first = block(entries)
    handle = varint(0) + varint(len(first) - 5)
    second = block([(b"zzz", handle)])
    footer = (varint(0) + varint(0) + varint(len(first)) + varint(len(second) - 5)).ljust(40, b"\0")
    return first + second + footer + struct.pack("<Q", TABLE_MAGIC), data


class Checkpoint(unittest.TestCase):
    def setUp(self):
        self.variables = {"dense/bias": np.arange(3.0), "dense/kernel": np.ones((2, 3)), "global": np.array(2.5)}

    def test_reads_what_was_written(self):
        read = read_checkpoint(*checkpoint(self.variables), "here")
        self.assertEqual(sorted(read), sorted(self.variables))
        for name, value in self.variables.items():
            np.testing.assert_array_equal(read[name], value)

    def test_crc_is_the_standard_one(self):
        crc = 0xE3069283  # of "123456789", from the definition of CRC-32C
        self.assertEqual(masked_crc32c(b"123456789"), (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)

    def test_damage_is_an_error_with_a_name(self):
        index, data = checkpoint(self.variables)
        broken = data[:-1] + bytes([data[-1] ^ 1])
        cases = [(index, broken), (index, data[:8]), (b"\xff" + index[1:], data), (index[:-1], data), (b"", data)]
        for damaged in cases:
            with self.assertRaisesRegex(CheckpointError, "^here: "):
                read_checkpoint(*damaged, "here")


def random_variables(teacher: str, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Variables of the right shapes, with positive variances."""

    def norm(number, size):
        scope = "batch_normalization" + (f"_{number}" if number else "")
        parts = ["gamma", "beta", "moving_mean", "moving_variance"]
        return {f"{scope}/{part}": random.uniform(0.5, 1, size).astype("f4") for part in parts}

    def layer(scope, *shape):
        kernel = random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype("f4")
        return {f"{scope}/kernel": kernel, f"{scope}/bias": random.normal(0, 0.1, shape[-1]).astype("f4")}

    variables = norm(0, 1)
    if teacher.endswith("vgg"):
        for number in range(1, 6):
            variables |= layer(f"{number}CNN", 3, 3, 1 if number == 1 else 128, 128) | norm(number, 128)
        return variables | layer("dense", 256, 50)
    convolutions = [(7, 38, 1, 204), (7, 67, 1, 204), (128, 1, 1, 51), (64, 1, 1, 51), (32, 1, 1, 51)]
    convolutions += [(7, 561, 1, 64), (7, 64, 1, 64), (7, 64, 1, 64)]
    for number, shape in enumerate(convolutions):
        variables |= layer("conv2d" + (f"_{number}" if number else ""), *shape) | norm(number + 1, shape[-1])
    return variables | norm(9, 1506) | layer("dense", 1506, 200) | norm(10, 200) | layer("dense_1", 200, 50)


class Ensemble(unittest.TestCase):
    def setUp(self):
        self.random = np.random.default_rng(1)

    def test_tags_are_fifty_and_known(self):
        for tags in (MSD_TAGS, MTT_TAGS):
            self.assertEqual(len(set(tags)), 50)
        for tag, sources in ensemble.HEARS.items():
            self.assertIn(tag, MSD_TAGS)
            self.assertTrue({source.lstrip("-") for source in sources} <= set(MTT_TAGS))

    def test_mean_and_spread_are_the_references(self):
        logits = {name: self.random.normal(i - 3, i + 1, (500, 50)) for i, name in enumerate(TEACHERS)}
        matrix, bias, _ = ensemble.measure(logits, ensemble.WEIGHTS)
        combined = np.concatenate([logits[name] for name in TEACHERS], axis=1) @ matrix + bias
        np.testing.assert_allclose(combined.mean(0), logits["MSD_musicnn"].mean(0), atol=1e-9)
        np.testing.assert_allclose(combined.std(0), logits["MSD_musicnn"].std(0), atol=1e-9)
        self.assertFalse(matrix[50:100].any())  # MSD_vgg's weight is 0
        with self.assertRaises(ensemble.EnsembleError):
            ensemble.measure(logits, ensemble.WEIGHTS | {"MSD_musicnn": 0.0})
        # A tag that no MTT tag means comes from MSD alone.
        self.assertFalse(matrix[100:, MSD_TAGS.index("jazz")].any())
        self.assertTrue(matrix[100:, MSD_TAGS.index("male vocalists")].any())

    def test_model_equals_its_parts(self):
        variables = {name: random_variables(name, self.random) for name in TEACHERS}
        model, card = ensemble.build(variables, lambda *parts: parts)
        onnx.checker.check_model(model, full_check=True)
        batch = self.random.uniform(0, 3, (2, 187, 96)).astype("f4")

        def run(built):
            session = onnxruntime.InferenceSession(built.SerializeToString())
            return session.run(["tags", "penultimate"], {"logmel": batch})

        parts = [run(networks.single(name, variables[name], len(tags_of(name)))[0]) for name in TEACHERS]
        logits = np.concatenate([np.log(tags / (1 - tags)) for tags, _ in parts], axis=1)
        matrix, bias, _ = ensemble.read_constants()  # rows of teachers that are left out are 0
        tags, penultimate = run(model)
        np.testing.assert_allclose(tags, 1 / (1 + np.exp(-(logits @ matrix + bias))), atol=1e-4)
        np.testing.assert_array_equal(penultimate, parts[0][1])


if __name__ == "__main__":
    unittest.main()
