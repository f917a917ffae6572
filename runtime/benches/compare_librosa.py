"""How many times as fast as librosa is the front end, on one core?

    pip install -r tests/golden/librosa/requirements.txt
    cargo build -p runtime --features std --example time_front_end
    python runtime/benches/compare_librosa.py [PROGRAM]

Takes turns: a clip of 29.12 s at 12 kHz through librosa.feature.melspectrogram and power_to_db, the same length
through our program (target/debug/examples/time_front_end unless told otherwise), both on the same core, so that a
busy machine slows both. Prints the medians, and the median of the ratios of neighbouring turns; fails below 3.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import librosa  # noqa: E402
import numpy as np  # noqa: E402

ROUNDS = 60
BAR = 3.0
ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = sys.argv[1] if len(sys.argv) > 1 else target / "debug/examples/time_front_end"
    y = (0.3 * np.random.default_rng(1).uniform(-1, 1, 349440)).astype(np.float32)

    def librosa_ms():
        start = time.perf_counter()
        mel = librosa.feature.melspectrogram(y=y, sr=12000, n_fft=512, hop_length=256, n_mels=96, pad_mode="reflect")
        librosa.power_to_db(mel)
        return (time.perf_counter() - start) * 1e3

    with subprocess.Popen([program, "--on-request"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ours:

        def ours_ms():
            ours.stdin.write("\n")
            ours.stdin.flush()
            return float(ours.stdout.readline())

        for _ in range(5):
            librosa_ms(), ours_ms()
        pairs = [(librosa_ms(), ours_ms()) for _ in range(ROUNDS)]
        ours.stdin.close()

    theirs, ours = map(np.median, zip(*pairs))
    ratio = float(np.median([a / b for a, b in pairs]))
    print(json.dumps({"librosa_ms": round(float(theirs), 3), "front_end_ms": round(float(ours), 3),
                      "librosa_best_ms": round(min(a for a, _ in pairs), 3),
                      "front_end_best_ms": round(min(b for _, b in pairs), 3), "times_as_fast": round(ratio, 2)}))
    if ratio < BAR:
        sys.exit(f"the front end is less than {BAR} times as fast as librosa")


if __name__ == "__main__":
    main()
