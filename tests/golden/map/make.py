#!/usr/bin/env python3
"""Makes golden.json: points, places, and scikit-learn's trustworthiness of them (scikit-learn 1.5 or later)."""

import json
import pathlib

import numpy as np
from sklearn.manifold import trustworthiness

rng = np.random.default_rng(3)
points = rng.normal(size=(60, 5)).astype(np.float32)
cases = []
for noise in (0.0, 0.3, 3.0):
    places = (points[:, :2] + noise * rng.normal(size=(60, 2))).astype(np.float32)
    for k in (1, 5, 10):
        cases.append({"places": places.tolist(), "neighbours": k,
                      "trustworthiness": float(trustworthiness(points, places, n_neighbors=k))})
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps({"points": points.tolist(), "cases": cases}) + "\n")
