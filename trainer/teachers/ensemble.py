"""Several teachers in one model that speaks MSD's 50 tags on MSD_musicnn's scale.

Every step is linear in the teachers' logits, so that the ensemble is the networks, one matrix, and a sigmoid:

1. Each teacher scores each MSD tag. An MSD teacher's score is its logit; an MTT teacher's is the mean of its
   standardised logits over the tags that mean the same (`HEARS`), the ones with a minus counted negatively. For
   tags that no MTT tag means, the MTT teachers have no say.
2. Each score is shifted and scaled to have MSD_musicnn's mean and spread for that tag over free music.
3. The scores are averaged with weights, normalised over those teachers that have a say. A teacher whose weight is
   0 is left out of the model.
4. An average spreads less than its parts; it is stretched about its mean to MSD_musicnn's spread again.

Means and spreads are constants in `ensemble.json`, which `measure_ensemble.py` writes.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from onnx import helper

import networks
from package import TEACHERS
from tags import MSD_TAGS, MTT_TAGS, tags_of

CONSTANTS = Path(__file__).with_name("ensemble.json")
REFERENCE = "MSD_musicnn"

# MSD_vgg lowered the AUC of every ensemble that was tried (README.md), most of all for jazz.
WEIGHTS = {"MSD_musicnn": 1.0, "MSD_vgg": 0.0, "MTT_musicnn": 1.0, "MTT_vgg": 1.0}

_FEMALE = ["female", "female vocal", "female voice", "woman"]
HEARS = {
    **{tag: [tag] for tag in ("rock", "pop", "electronic", "dance", "metal", "country", "ambient", "guitar")},
    "female vocalists": _FEMALE,
    "female vocalist": _FEMALE,
    "male vocalists": ["male", "male vocal", "male voice", "man"],
    "instrumental": ["no vocals", "no vocal", "no voice", "-vocal", "-vocals", "-singing"],
}


class EnsembleError(RuntimeError):
    """The constants are missing or do not fit the teachers."""


def score_matrix(teacher: str, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Step 1 as ([50 logits, 50 MSD tags], [50 offsets]) from the logits' means and spreads over free music."""
    if teacher.startswith("MSD"):
        return np.eye(50), np.zeros(50)
    matrix, offset = np.zeros((50, 50)), np.zeros(50)
    for tag, sources in HEARS.items():
        column = MSD_TAGS.index(tag)
        for source in sources:
            sign, row = (-1.0, MTT_TAGS.index(source[1:])) if source[0] == "-" else (1.0, MTT_TAGS.index(source))
            matrix[row, column] += sign / sd[row] / len(sources)
            offset[column] -= sign * mean[row] / sd[row] / len(sources)
    return matrix, offset


def shares(weights: dict[str, float]) -> dict[str, np.ndarray]:
    """Step 3's weights: for each teacher [50], summing to 1 over the teachers for every tag."""
    heard = np.isin(MSD_TAGS, list(HEARS)).astype(float)
    raw = {name: weights[name] * (np.ones(50) if name.startswith("MSD") else heard) for name in weights}
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def measure(logits: dict[str, np.ndarray], weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray, dict]:
    """The whole linear map ([200, 50] and [50], teachers in TEACHERS' order) from logits of the same windows,
    [windows, 50] for each teacher, and the moments that it was made of (for the record)."""
    if weights[REFERENCE] <= 0 or min(weights.values()) < 0:
        raise EnsembleError(f"{REFERENCE} needs a weight above 0, and none may be negative")
    chosen = shares(weights)
    target_mean, target_sd = logits[REFERENCE].mean(0), logits[REFERENCE].std(0)
    blocks, bias, moments = [], np.zeros(50), {}
    for name in TEACHERS:
        mean, sd = logits[name].mean(0), logits[name].std(0)
        moments[name] = {"mean": mean, "sd": sd}
        matrix, offset = score_matrix(name, mean, sd)
        scores = logits[name] @ matrix + offset
        spread = scores.std(0)
        scale = np.divide(target_sd * chosen[name], spread, out=np.zeros(50), where=chosen[name] > 0)
        blocks.append(matrix * scale)
        bias += (offset - scores.mean(0)) * scale
    matrix = np.concatenate(blocks)
    combined = np.concatenate([logits[name] for name in TEACHERS], axis=1) @ matrix + bias
    stretch = target_sd / combined.std(0)
    return matrix * stretch, (bias - combined.mean(0)) * stretch + target_mean, moments


def to_json(matrix, bias, moments: dict, weights: dict[str, float], measured_on: str, windows: int) -> str:
    """`ensemble.json`: the map's non-zero factors by teacher and tag, so that a reader can check them."""
    factors = {}
    for column, tag in enumerate(MSD_TAGS):
        factors[tag] = {
            f"{name}/{source}": round(float(matrix[50 * block + row, column]), 6)
            for block, name in enumerate(TEACHERS)
            for row, source in enumerate(tags_of(name))
            if matrix[50 * block + row, column] != 0
        } | {"offset": round(float(bias[column]), 6)}
    record = {
        name: {part: [round(float(v), 4) for v in values] for part, values in parts.items()}
        for name, parts in moments.items()
    }
    document = {"measured_on": measured_on, "windows": windows, "weights": weights}
    document |= {"moments": record, "factors": factors}
    return json.dumps(document, indent=1) + "\n"


def read_constants(path: Path = CONSTANTS) -> tuple[np.ndarray, np.ndarray, dict]:
    """The map ([200, 50], [50]) and the whole document. Raises EnsembleError."""
    try:
        document = json.loads(path.read_text())
        {name: float(document["weights"][name]) for name in TEACHERS}  # all must be there
        matrix, bias = np.zeros((200, 50)), np.zeros(50)
        for column, tag in enumerate(MSD_TAGS):
            for source, factor in document["factors"][tag].items():
                if source == "offset":
                    bias[column] = factor
                    continue
                name, _, theirs = source.partition("/")
                matrix[50 * TEACHERS.index(name) + tags_of(name).index(theirs), column] = factor
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise EnsembleError(f"{path}: {error}") from error
    return matrix, bias, document


def build(variables: dict[str, dict[str, np.ndarray]], card, constants: Path = CONSTANTS):
    """The ensemble as an ONNX model, and its card. Its `penultimate` is MSD_musicnn's. Raises EnsembleError."""
    matrix, bias, document = read_constants(constants)
    used = [name for name in TEACHERS if document["weights"][name] > 0]
    matrix = np.concatenate([matrix[50 * i : 50 * i + 50] for i, name in enumerate(TEACHERS) if name in used])
    nodes, weights, logits, parameters, penultimate = [], {}, [], matrix.size + bias.size, None
    for name in used:
        graph = networks.Graph(variables[name], prefix=f"{name}.")
        score, hidden = networks.build(name, graph, "logmel")
        penultimate = hidden if name == REFERENCE else penultimate
        logits.append(score)
        nodes += graph.nodes
        weights |= graph.weights
        parameters += graph.parameters
    graph = networks.Graph({}, prefix="ensemble.")
    joined = graph.node("Concat", logits, "logits", axis=1)
    inputs = [joined, graph.weight("weight", matrix.T), graph.weight("bias", bias)]
    combined = graph.node("Gemm", inputs, "combined", transB=1)
    nodes += graph.nodes
    nodes.append(helper.make_node("Sigmoid", [combined], ["tags"], name="tags"))
    nodes.append(helper.make_node("Identity", [penultimate], ["penultimate"], name="penultimate"))
    model = networks.model("ENSEMBLE", nodes, [*weights.values(), *graph.weights.values()], 200, 50)
    source = f"PyPI musicnn 0.1.0, folders {', '.join(used)}, combined by trainer/teachers/ensemble.json"
    return model, card("ENSEMBLE", MSD_TAGS, parameters, source)
