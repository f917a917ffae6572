#!/usr/bin/env python3
"""Measures what a corpus of the Million Song Dataset's size takes, and writes it between the markers of docs/scale.md.

    cargo build --workspace --bin trainer --example time_reading
    python trainer/benches/measure_scale.py extract MUSIC     what computing spectrograms takes
    python trainer/benches/measure_scale.py reading FILE      what reading codes in random order takes

MUSIC is a folder with mp3s of half a minute: some hundred are enough. `trainer extract` computes them into an empty cache on
one core and on all of them; the least of three times counts. FILE is where a file of codes is made, 4 GB unless it is there,
and stays. The memory is to be smaller than the file: where it is not, run this in a control group with a limit, as
`systemd-run --scope -p MemoryMax=1G python ...`. Python's standard library is enough; Linux.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "scale.md"
BY = "trainer/benches/measure_scale.py"
# Tracks of the split that the field reports on, and what is computed of half a minute.
CLIPS, FRAMES, BANDS = 242_854, 1366, 96
MACHINES, CORES = 16, 16


def put(name, lines):
    """Replaces what stands between the markers of a table."""
    begin, end = f"<!-- {name}: by {BY} {name} -->", f"<!-- end of {name} -->"
    text = DOCS.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{DOCS}: no markers of {name}")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    new = DOCS.with_suffix(".new")
    new.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + tail, encoding="utf-8")
    os.replace(new, DOCS)
    print("\n".join(lines))


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':')[1].strip()}, {platform.machine()}"
    return platform.machine()


def once(program, music, jobs, cores):
    """Into an empty cache, on so many cores: what it reports, the processor's time, and the bytes in the cache then."""
    usable = sorted(os.sched_getaffinity(0))[:cores]
    with tempfile.TemporaryDirectory() as cache:
        command = [program, "extract", "--corpus", f"folder:{music}", "--cache", cache, "--jobs", str(jobs), "--json"]
        before = processor_time()
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, usable))
        took = processor_time() - before
        size = sum(path.stat().st_size for path in pathlib.Path(cache).rglob("*") if path.is_file())
        return json.loads(done.stdout), took, size


def processor_time():
    """Seconds of a core that programs started here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def duration(seconds):
    for unit, name in [(3600, "h"), (60, "min")]:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"


def extract(args):
    cores = len(os.sched_getaffinity(0))
    program = pathlib.Path(args.target) / "debug" / "trainer"
    least, computed, size = {}, 0, 0
    for _ in range(args.rounds):
        # In turns, so that a busy moment of the machine does not meet one of them alone.
        for jobs in dict.fromkeys([1, cores]):
            report, took, size = once(program, args.music, jobs, jobs)
            computed = report["computed"]
            if report["left_out"] or not computed:
                raise SystemExit(f"{args.music}: {computed} clips computed, {len(report['left_out'])} left out")
            seconds = report["seconds_per_1000"]
            least[jobs] = min(least.get(jobs, (float("inf"), 0)), (seconds, 1000 * took / computed))
    lines = [
        f"{computed} mp3s of half a minute on {processor()}; the dev profile, files in the system's memory, least of "
        f"{args.rounds}:",
        "",
        f"| | 1,000 clips | processors' time | {CLIPS:,} clips |",
        "|---|---:|---:|---:|",
    ]
    for jobs, (seconds, took) in least.items():
        lines.append(f"| {jobs} core{'s' if jobs > 1 else ''}, measured | {seconds:.1f} s | {took:.1f} s "
                     f"| {duration(seconds * CLIPS / 1000)} |")
    spread = least[1][0] / (MACHINES * CORES)
    sizes = [path.stat().st_size for path in pathlib.Path(args.music).rglob("*.mp3")]
    mp3 = sum(sizes) / len(sizes)
    lines += [
        f"| {MACHINES} machines with {CORES} such cores, extrapolated from one | {spread:.2f} s | "
        f"| {duration(spread * CLIPS / 1000)} |",
        "",
        f"The mp3s are {mp3 / 1000:.0f} kB each: in the last line, {mp3 * 1000 / spread / 1e9:.1f} GB of them are read a second.",
        "",
        f"The cache has {size / computed / 1000:.1f} kB a clip, with its lists: {size / computed * CLIPS / 1e9:.1f} GB for "
        f"{CLIPS:,} such clips. {FRAMES} frames of {BANDS} bands, which is 29.1 s, are "
        f"{FRAMES * BANDS / 1000:.1f} kB: {FRAMES * BANDS * CLIPS / 1e9:.1f} GB.",
    ]
    put("extract", lines)


def memory():
    """Bytes that this process may have: the computer's, or its control group's where that allows less."""
    total = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) * 1024
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for file in ["/sys/fs/cgroup" + path + "/memory.max", "/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"]:
            if controllers in ("", "memory") and os.path.exists(file):
                text = pathlib.Path(file).read_text().strip()
                total = min(total, int(text)) if text.isdigit() else total
    return total


def reading(args):
    program = pathlib.Path(args.target) / "debug" / "examples" / "time_reading"
    done = subprocess.run([program, args.file], stdout=subprocess.PIPE, check=True, text=True)
    about, *table = done.stdout.splitlines()
    if os.path.getsize(args.file) <= 2 * memory():
        raise SystemExit(f"{args.file} is less than twice the memory: limit it, or make a larger file")
    device = os.stat(args.file).st_dev
    guess = pathlib.Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb").read_text().strip()
    lines = [f"{about}; memory for {memory() / 1e9:.1f} GB, and a system that reads up to {guess} kB ahead by itself:", ""]
    put("reading", lines + table)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default=os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target")))
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("extract")
    command.add_argument("music")
    command.add_argument("--rounds", type=int, default=3)
    command.set_defaults(run=extract)
    command = commands.add_parser("reading")
    command.add_argument("file")
    command.set_defaults(run=reading)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
