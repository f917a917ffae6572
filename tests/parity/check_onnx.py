"""Do onnxruntime and the runtime's tract agree on exported models?

    pip install -r tests/parity/requirements.txt
    cargo build --workspace
    python tests/parity/check_onnx.py [--run-tract PROGRAM] FOLDER...

For each model folder: both ONNX files pass onnx.checker, carry the card of card.json and have the inputs and outputs
that docs/formats.md names; the int8 file is small enough; and the same log-mels go through onnxruntime (optimised, and
exactly as the file is written) and through tract (with the runtime's own operation, and without). Probabilities of the
float file may differ by 1e-4, logits of the int8 file by two steps of the output's scale. Networks that do not slide get
the runtime's windows one by one. Exits with 1 and the reasons where something is wrong.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = {"float": "model.onnx", "int8": "model.int8.onnx"}
CARD_KEY = "minim.card"
# Bars: a probability (or a share of the largest embedding value) of the float file; steps of the int8 file's logits and,
# where no sum evens things out any more, of its embedding; relative size of the int8 file.
FLOAT_BAR = 1e-4
INT8_BAR = {"tags": 2, "embedding": 4}
SIZE_BAR = 0.30
# Weights of attention in the int8 file, which calculates them in float from integers that may be a step apart.
ATTENTION_BAR = 1e-2
# Below this the graph itself weighs too much for the size to say anything.
SIZE_COUNTS_FROM = 240_000
EPSILON = float(np.finfo(np.float32).eps)


class Report:
    """Lines of the table and what went wrong."""

    def __init__(self):
        self.problems = []

    def gate(self, where, what, ok, measured=""):
        """A line of the table; `where` names the file in the list of problems."""
        print(f"  {what:<72} {'ok    ' if ok else 'FAILED'} {measured}".rstrip(), flush=True)
        if not ok:
            self.problems.append(f"{where}: {what} {measured}".rstrip())


class Model:
    """A model folder's card and one of its files."""

    def __init__(self, folder, kind, card):
        self.kind, self.card = kind, card
        self.path = folder / FILES[kind]
        self.label = f"{folder}/{self.path.name}"
        self.proto = onnx.load(str(self.path))
        self.sessions = {name: session(self.path, level) for name, level in LEVELS.items()}
        self.outputs = [name for name in ("tags", "embedding", "attention") if name in card["outputs"]]

    def run(self, engine, x):
        """The outputs by name, with an axis of windows."""
        names, spec = list(self.outputs), self.card["input"]
        if spec.get("sliding"):
            return dict(zip(names, self.sessions[engine].run(names, {"melgram": x})))
        starts = range(0, x.shape[2] - spec["frames"] + 1, spec["hop_frames"])
        windows = [x[:, :, start : start + spec["frames"]] for start in starts]
        each = [self.sessions[engine].run(names, {"melgram": window}) for window in windows]
        return {name: np.stack(answers, axis=1) for name, answers in zip(names, zip(*each))}

    def step(self, output):
        """Scale of the last DequantizeLinear before an output of the int8 file."""
        makers = {name: node for node in self.proto.graph.node for name in node.output}
        constants = {tensor.name: tensor for tensor in self.proto.graph.initializer}
        node = makers[output]
        while node.op_type != "DequantizeLinear":
            node = makers[node.input[0]]
        return float(onnx.numpy_helper.to_array(constants[node.input[1]]))


LEVELS = {
    "onnxruntime": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "onnxruntime, as written": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


def session(path, level):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    # CPUs before VNNI add pairs of products in 16 bits, which overflow; this asks for the sums that the file means.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Where there is no VNNI, 1.23 answers that by making int8 uint8 before anything else, and aborts on our files
    # (an assertion about NodeArg*); without that step the sums are the same.
    broken = ["QDQS8ToU8Transformer"]
    return ort.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=broken
    )


def inputs(card, rng):
    """Named log-mels [1, mel_bands, frames]."""
    spec, bands = card["input"], card["front_end"]["mel_bands"]
    field, hop = spec["frames"], spec["hop_frames"]
    yield "noise, 1 window", on_grid(card, rng.integers(0, 256, (bands, field)))
    yield "noise, 5 windows", on_grid(card, rng.integers(0, 256, (bands, field + 4 * hop)))
    yield "sweeps, 1 window", on_grid(card, sweeps(rng, bands, field))
    yield "sweeps, 3 windows and a rest", on_grid(card, sweeps(rng, bands, field + 2 * hop + hop // 2))


def on_grid(card, codes):
    """What the front end's 8-bit codes, rounded here, stand for: the input's integers plus 128."""
    grid = card["quantisation"]["input"]
    codes = np.clip(np.rint(codes), 0, 255) - 128
    return (grid["scale"] * (codes - grid["zero_point"])).astype(np.float32)[None]


def sweeps(rng, bands, frames):
    """Codes of something like music: a falling spectrum, two gliding tones, a beat and noise."""
    band, time = np.arange(bands)[:, None], np.arange(frames)[None, :]
    codes = 150 - 0.9 * band + 8 * np.sin(time / 90)
    for phase, pace in ((0.0, 61.0), (2.0, 173.0)):
        centre = bands * (0.45 + 0.35 * np.sin(phase + time / pace))
        codes = codes + 45 * np.exp(-(((band - centre) / 2.5) ** 2))
    codes = codes + 30 * (time % 23 < 3) * np.exp(-band / 20)
    return codes + rng.normal(0, 6, (bands, frames))


def run_tract(program, model, x, plain):
    """The outputs [1, windows, width] by the runtime."""
    with tempfile.TemporaryDirectory() as folder:
        source, prefix = pathlib.Path(folder, "in.f32"), pathlib.Path(folder, "out")
        source.write_bytes(x.astype("<f4").tobytes())
        command = [program, *(["--plain"] if plain else []), model.path, source, x.shape[2], prefix]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program} exited with {done.returncode}: {done.stderr.strip()}")
        width = len(model.card["tags"])
        tags = np.fromfile(f"{prefix}.tags.f32", "<f4").reshape(1, -1, width)
        others = {name: np.fromfile(f"{prefix}.{name}.f32", "<f4") for name in model.outputs[1:]}
        return {"tags": tags, **{name: values.reshape(1, tags.shape[1], -1) for name, values in others.items()}}


def difference(model, a, b):
    """The largest difference, where 1 is the bar: of float by value, of int8 by steps. And a word for the table."""
    for output in model.outputs:
        if a[output].shape != b[output].shape:
            return np.inf, f"{output} {a[output].shape} and {b[output].shape}"
        if not (np.isfinite(a[output]).all() and np.isfinite(b[output]).all()):
            return np.inf, f"{output} not finite"
    attention = np.abs(a["attention"] - b["attention"]).max() if "attention" in model.outputs else 0.0
    said = f", attention {attention:.1e}" if "attention" in model.outputs else ""
    if model.kind == "float":
        tags = np.abs(a["tags"] - b["tags"]).max()
        size = max(1.0, np.abs(a["embedding"]).max())
        embedding = np.abs(a["embedding"] - b["embedding"]).max() / size
        return max(tags, embedding, attention) / FLOAT_BAR, f"{tags:.1e} (embedding {embedding:.1e}{said})"
    tags = logit_difference(a["tags"], b["tags"]) / model.step("tags")
    embedding = np.abs(a["embedding"] - b["embedding"]).max() / model.step("embedding")
    # Steps are differences of float32 numbers: 2.0000002 of them are two.
    relative = max(tags / (INT8_BAR["tags"] + 0.01), embedding / (INT8_BAR["embedding"] + 0.01), attention / ATTENTION_BAR)
    return relative, f"{tags:.2f} steps (embedding {embedding:.2f}{said})"


def logit_difference(a, b):
    """Largest difference of logits, less what float32 probabilities near 0 and 1 cannot tell."""
    a, b = (np.clip(p.astype(np.float64), EPSILON, 1 - EPSILON) for p in (a, b))
    slack = 4 * EPSILON / np.minimum(a * (1 - a), b * (1 - b))
    logits = np.abs(np.log(a / (1 - a)) - np.log(b / (1 - b)))
    return float(np.maximum(logits - slack, 0).max())


def check_file(model, report):
    """What can be said of a file without running it."""
    try:
        onnx.checker.check_model(str(model.path), full_check=True)
        problem = ""
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        problem = str(error)
    report.gate(model.label, "onnx.checker", not problem, problem)
    metadata = {entry.key: entry.value for entry in model.proto.metadata_props}
    same = CARD_KEY in metadata and json.loads(metadata[CARD_KEY]) == model.card
    report.gate(model.label, f"metadata {CARD_KEY} is card.json", same)
    shapes = {value.name: shape(value) for value in (*model.proto.graph.input, *model.proto.graph.output)}
    bands, tags = model.card["front_end"]["mel_bands"], len(model.card["tags"])
    spec = model.card["input"]
    frames, leading = ("frames", ("batch", "windows")) if spec.get("sliding") else (spec["frames"], ("batch",))
    want = {"melgram": ("batch", bands, frames), "tags": (*leading, tags)}
    right = all(shapes.get(name) == dims for name, dims in want.items()) and len(shapes) == 1 + len(model.outputs)
    for name in model.outputs[1:]:
        dims = shapes.get(name, ())
        right = right and dims[:-1] == leading and isinstance(dims[-1], int)
    report.gate(model.label, "inputs and outputs", right, "" if right else str(shapes))
    if model.kind == "int8":
        card, graph = model.card["quantisation"]["output"]["scale"], model.step("tags")
        same = np.float32(card) == np.float32(graph)
        report.gate(model.label, "the output's scale is the card's", same, f"{graph:.4g} and {card:.4g}")


def shape(value):
    return tuple(d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim)


def check_engines(model, program, report):
    """All engines on all inputs."""
    for name, x in inputs(model.card, np.random.default_rng(1)):
        by_onnxruntime = {engine: model.run(engine, x) for engine in model.sessions}
        for tract, plain in (("tract", False), ("tract, plain", True)):
            by_tract = run_tract(program, model, x, plain)
            for engine, answer in by_onnxruntime.items():
                compare(model, f"{name}: {tract} / {engine}", by_tract, answer, report)


def check_batches(model, report):
    """Three clips at once give what each gives alone."""
    spec, bands = model.card["input"], model.card["front_end"]["mel_bands"]
    rng, frames = np.random.default_rng(2), spec["frames"] + spec["hop_frames"]
    clips = [on_grid(model.card, sweeps(rng, bands, frames)) for _ in range(3)]
    for engine in model.sessions:
        alone = [model.run(engine, clip) for clip in clips]
        alone = {output: np.concatenate([a[output] for a in alone]) for output in model.outputs}
        compare(model, f"batch of three / one by one: {engine}", model.run(engine, np.concatenate(clips)), alone, report)


def compare(model, what, a, b, report):
    relative, measured = difference(model, a, b)
    report.gate(model.label, what, relative <= 1, measured)


def check_sizes(folder, card, report):
    float_size, int8_size = ((folder / file).stat().st_size for file in FILES.values())
    measured = f"{int8_size} of {float_size} bytes, {int8_size / float_size:.3f}"
    if (card.get("parameters") or 0) >= SIZE_COUNTS_FROM:
        report.gate(str(folder), f"int8 is at most {SIZE_BAR:.2f} of float", int8_size <= SIZE_BAR * float_size, measured)
    else:
        report.gate(str(folder), "int8 is smaller than float", int8_size < float_size, measured)


def check_folder(folder, program, report):
    print(f"\n{folder}")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    check_sizes(folder, card, report)
    for kind, file in FILES.items():
        print(f" {file}")
        model = Model(folder, kind, card)
        check_file(model, report)
        check_engines(model, program, report)
        check_batches(model, report)


def arguments():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--run-tract", type=pathlib.Path, default=target / "debug" / "run_tract", metavar="PROGRAM",
                        help="the `run_tract` of package `tests` [default: %(default)s]")
    return parser.parse_args()


def main():
    args = arguments()
    args.run_tract = args.run_tract.absolute()
    if not args.run_tract.is_file():
        sys.exit(f"no {args.run_tract}: cargo build --workspace makes it")
    report = Report()
    for folder in args.folders:
        try:
            check_folder(folder, args.run_tract, report)
        except Exception as error:  # whatever ends a folder's checks, the others are still made
            report.gate(str(folder), "could not be checked", False, f"{type(error).__name__}: {error}")
    if report.problems:
        sys.exit("\n" + "\n".join(f"failed: {problem}" for problem in report.problems))
    print("\nall models agree")


if __name__ == "__main__":
    main()
