"""Writes golden.json: scored clips with scikit-learn's figures and a naive DeLong variance."""

import json
import pathlib

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    roc_auc_score,
    roc_curve,
)


def delong(scores, positive):
    """Variance of the AUC from DeLong's structural components, by the definition, in O(mn)."""
    x, y = scores[positive], scores[~positive]
    m, n = len(x), len(y)
    psi = np.array([[1.0 if a > b else 0.5 if a == b else 0.0 for b in y] for a in x])
    if m < 2 or n < 2:
        return psi.mean(), None
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return psi.mean(), v10.var(ddof=1) / m + v01.var(ddof=1) / n


def case(name, scores, positive, threshold):
    # The program takes float32 probabilities; both must see the same numbers.
    scores = np.asarray(scores, np.float32).astype(np.float64)
    positive = np.asarray(positive, bool)
    assert scores.min() >= 0 and scores.max() <= 1 and 0 < positive.sum() < len(positive)
    fpr, tpr, thresholds = roc_curve(positive, scores)
    auc, variance = delong(scores, positive)
    assert abs(auc - roc_auc_score(positive, scores)) < 1e-12
    return {
        "name": name,
        "scores": scores.tolist(),
        "positive": positive.astype(int).tolist(),
        "threshold": threshold,
        "auc": float(roc_auc_score(positive, scores)),
        "average_precision": float(average_precision_score(positive, scores)),
        "balanced_accuracy": float(balanced_accuracy_score(positive, scores >= threshold)),
        "delong_variance": None if variance is None else float(variance),
        # The first threshold is infinite, which JSON cannot say.
        "roc": {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": thresholds[1:].tolist()},
    }


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def main():
    rng = np.random.default_rng(20240229)

    def normal(m, n, shift):
        positive = rng.permutation(np.arange(m + n) < m)
        return sigmoid(rng.normal(size=m + n) + shift * positive), positive

    def coarse(levels, scored):
        return np.round(scored[0] * levels) / levels, scored[1]

    perfect = np.concatenate([np.linspace(0.6, 0.9, 8), np.linspace(0.1, 0.4, 12)])
    cases = [
        case("balanced", *normal(60, 60, 1.0), 0.5),
        case("imbalanced", *normal(9, 241, 1.5), 0.7),
        case("ties, 10 levels", *coarse(10, normal(40, 80, 1.0)), 0.6),
        case("ties, 2 levels", *coarse(1, normal(20, 30, 1.2)), 0.5),
        case("all equal", np.full(20, 0.25), np.arange(20) < 7, 0.5),
        case("few positives", *normal(3, 97, 0.8), 0.5),
        case("one positive", *normal(1, 49, 0.8), 0.5),
        case("one negative", *normal(30, 1, 0.8), 0.5),
        case("one of each", [0.3, 0.4], [1, 0], 0.35),
        case("perfect", perfect, np.arange(20) < 8, 0.5),
        case("reversed", perfect, np.arange(20) >= 8, 0.5),
        case("random", *normal(50, 150, 0.0), 0.5),
        case("worse than chance", *normal(30, 40, -1.0), 0.5),
        case("saturated at 0 and 1", *(lambda s, y: (np.clip(s * 4 - 1.5, 0, 1), y))(*normal(50, 70, 1.5)), 0.5),
    ]
    path = pathlib.Path(__file__).with_name("golden.json")
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
    path.write_text(f"[\n{lines}\n]\n")
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
