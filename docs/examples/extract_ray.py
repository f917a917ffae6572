#!/usr/bin/env python3
"""Spectrograms of a corpus by the machines of a Ray cluster, a part each.

    pip install ray
    python extract_ray.py --corpus msd:/data/msd --cache /data/features --shards 16 --jobs 16

Corpus, cache and program are where every machine sees them, under the same paths. A part whose machine was lost is done
again by another one, from where it stopped. Without a cluster, Ray starts one on this machine.
"""

import argparse
import json
import subprocess
import sys

COMMAND = "{trainer} extract --corpus {corpus} --shard {shard}/{shards} --cache {cache} --jobs {jobs} --json"


def command(settings, shard):
    values = {**settings, "shard": shard}
    return [word.format(**values) for word in COMMAND.split()]


def extract(settings, shard):
    done = subprocess.run(command(settings, shard), stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        # What it said is in the log of this task.
        raise RuntimeError(f"part {shard}: trainer extract ended with {done.returncode}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--shards", type=int, default=16, help="parts: at least one per machine")
    parser.add_argument("--jobs", type=int, default=16, help="cores that a part takes")
    parser.add_argument("--trainer", default="trainer", help="the program")
    settings = vars(parser.parse_args())

    import ray

    ray.init()
    task = ray.remote(num_cpus=settings["jobs"], max_retries=3, retry_exceptions=True, scheduling_strategy="SPREAD")
    task = task(extract)
    waiting = [task.remote(settings, shard) for shard in range(1, settings["shards"] + 1)]
    computed = left_out = 0
    while waiting:
        ready, waiting = ray.wait(waiting)
        done = ray.get(ready[0])
        computed += done["computed"]
        left_out += len(done["left_out"])
        print(f"part {done['shard']}: {done['computed']} computed in {done['seconds']:.0f} s")
        for clip in done["left_out"]:
            print(f"  left out {clip['id']}: {clip['reason']}", file=sys.stderr)
    print(f"{computed} computed, {left_out} left out")


if __name__ == "__main__":
    main()
