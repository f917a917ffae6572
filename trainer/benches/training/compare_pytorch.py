#!/usr/bin/env python3
"""Times training steps here, through the example time_training, and in PyTorch, in turns.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install -r trainer/benches/training/requirements.txt
    cargo build -p runtime -p trainer --example time_training
    /tmp/venv/bin/python trainer/benches/training/compare_pytorch.py target/debug/examples/time_training

A step is forward pass, loss, backward pass and AdamW on a batch that is there already. Every turn runs this program and
then each form of PyTorch for the same number of steps; of PyTorch's forms (as it comes, channels last, and for k2c1 also
with one-dimensional convolutions) the fastest counts. Prints per network the milliseconds of a step by the least of all
steps, their ratio, and the median over the turns of the ratio of the turns' medians, which what else the machine does
touches less. Below 1 this program is the faster one.

With `--device cuda` (the example built with `--features cuda`) PyTorch's forms are eager and compiled, steps are not
waited for one by one, and clips per second are printed beside.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import torch
from torch.nn import functional as F

import twin


class Here:
    """The example, asked for steps through its standard input."""

    def __init__(self, args, model, budget, frames):
        options = {"model": model, "budget": budget, "batch": args.batch, "frames": frames}
        options |= {"threads": args.threads, "device": args.device, "precision": args.precision}
        command = [args.program, *(str(part) for k, v in options.items() for part in (f"--{k}", v))]
        # candle has threads of its own beside rayon's, and counts both by this.
        environment = {**os.environ, "RAYON_NUM_THREADS": str(args.threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"time_training ended with status {self.process.wait()}")
        return json.loads(answer)["milliseconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Torch:
    """One form of the network in PyTorch."""

    def __init__(self, args, model, budget, frames, plane=False, channels_last=False, compiled=False):
        torch.manual_seed(1)
        self.device, self.bf16 = args.device, args.precision == "bf16"
        self.net = twin.build(model, budget, plane=plane).to(args.device).train()
        self.x = torch.rand(args.batch, 96, frames, device=args.device) * 2 - 1
        if channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.x = self.x.unsqueeze(1).to(memory_format=torch.channels_last)
        if compiled:
            self.net = torch.compile(self.net)
        self.targets = (torch.rand(args.batch, 50, 1, device=args.device) > 0.9).float()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-4, weight_decay=0.01, fused=True)

    def step(self):
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            logits = self.net(self.x)
        F.binary_cross_entropy_with_logits(logits.float(), self.targets).backward()
        self.optimiser.step()

    def run(self, steps):
        if self.device == "cuda":
            torch.cuda.synchronize()
        times, turn = [], time.perf_counter()
        for _ in range(steps):
            start = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - start) * 1e3)
        if self.device == "cuda":
            torch.cuda.synchronize()
            times = [(time.perf_counter() - turn) * 1e3 / steps] * steps
        return times


def forms(args, model):
    """PyTorch's forms of a network, by name."""
    plane = {"plane": True} if model == "k2c1" else {}
    found = {"2-D": plane, "2-D channels-last": {**plane, "channels_last": True}}
    if model == "k2c1":
        found["1-D"] = {}
    if args.device == "cuda":
        found |= {f"{name} compiled": {**options, "compiled": True} for name, options in found.items()}
    return found


def compare(args, model, budget, frames):
    here = Here(args, model, budget, frames)
    rivals = {name: Torch(args, model, budget, frames, **form) for name, form in forms(args, model).items()}
    runners = {"here": here, **rivals}
    for runner in runners.values():
        runner.run(args.warm_up)
    turns = {name: [] for name in runners}
    for _ in range(args.turns):
        for name, runner in runners.items():
            turns[name].append(runner.run(args.steps))
            time.sleep(args.pause)  # the other's threads may still be turning round for work
    here.close()
    least = {name: min(min(turn) for turn in t) for name, t in turns.items()}
    median = {name: [statistics.median(turn) for turn in t] for name, t in turns.items()}
    best = min(rivals, key=least.get)
    return {
        "network": model, "budget": budget, "frames": frames, "batch": args.batch, "form": best,
        "here_ms": least["here"], "pytorch_ms": least[best],
        "ratio_of_least": least["here"] / least[best],
        # Against the form that is fastest by this measure.
        "ratio_of_neighbours": max(
            statistics.median(a / b for a, b in zip(median["here"], median[name])) for name in rivals
        ),
        "here_clips_per_second": args.batch * 1e3 / statistics.median(median["here"]),
        "pytorch_clips_per_second": args.batch * 1e3 / statistics.median(median[best]),
        "least": least, "medians": median,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the example time_training, built")
    parser.add_argument("--models", default=",".join(twin.MODELS), help="networks, separated by commas")
    parser.add_argument("--budgets", default="0.1M,1M", help="sizes, separated by commas")
    parser.add_argument("--frames", type=int, nargs="+", default=[twin.FRAMES], help="crops; other than 1366 for k2c1 only")
    parser.add_argument("--batch", type=int, default=16, help="clips in a step")
    parser.add_argument("--steps", type=int, default=5, help="steps in a turn")
    parser.add_argument("--turns", type=int, default=8, help="turns of each")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the first turn")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between turns")
    parser.add_argument("--threads", type=int, default=2, help="threads of the CPU")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32", help="of products, on cuda")
    parser.add_argument("--json", help="write everything measured into this file")
    args = parser.parse_args()
    if args.device == "cpu" and args.precision != "f32":
        parser.error("--precision is for --device cuda")

    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.precision != "f32"
    where = torch.cuda.get_device_name() if args.device == "cuda" else f"{args.threads} threads"
    print(f"PyTorch {torch.__version__}, {where}, {args.precision}, batch of {args.batch}, {args.turns} turns")
    print(f"{'network':>15}{'size':>7}{'frames':>8}{'here ms':>10}{'PyTorch ms':>12}{'ratio':>8}{'turns':>8}"
          f"{'clips/s':>10}{'PyTorch':>10}  fastest form")  # fmt: skip
    results = []
    for model in args.models.split(","):
        for budget in args.budgets.split(","):
            for frames in args.frames:
                if frames != twin.FRAMES and model != "k2c1":
                    continue
                r = compare(args, model, budget, frames)
                results.append(r)
                print(f"{model:>15}{budget:>7}{frames:8}{r['here_ms']:10.1f}{r['pytorch_ms']:12.1f}"
                      f"{r['ratio_of_least']:8.2f}{r['ratio_of_neighbours']:8.2f}"
                      f"{r['here_clips_per_second']:10.0f}{r['pytorch_clips_per_second']:10.0f}  {r['form']}",
                      flush=True)  # fmt: skip
                if args.json:
                    with open(args.json, "w") as file:
                        json.dump({"pytorch": torch.__version__, "arguments": vars(args), "results": results}, file, indent=1)


main()
