#!/usr/bin/env python3
"""Holds two files of JSON lines, or of CSV, to each other: same.py [--within 1e-3] [--ignore KEY] FILE FILE

Numbers with a fraction may differ by as much: another processor's vectors add in another order. All else is the same, or
the exit code is 1.
"""

import argparse
import csv
import json
import sys


def read(path, ignored):
    """The lines of a file, numbers as numbers."""
    with open(path, newline="") as file:
        text = file.read()
    if text.startswith("{"):
        lines = [json.loads(line) for line in text.splitlines()]
        return [{key: line[key] for key in line if key != ignored} for line in lines]

    def value(cell):
        try:
            return float(cell)
        except ValueError:
            return cell

    return [[value(cell) for cell in row] for row in csv.reader(text.splitlines())]


def difference(here, there, place):
    """The largest difference between numbers of two values that are the same otherwise."""
    if isinstance(here, float) and isinstance(there, float):
        return abs(here - there)
    if type(here) is not type(there):
        sys.exit(f"{place}: {here!r} and {there!r}")
    if isinstance(here, dict):
        if list(here) != list(there):
            sys.exit(f"{place}: {list(here)} and {list(there)}")
        return max((difference(here[key], there[key], f"{place}.{key}") for key in here), default=0.0)
    if isinstance(here, list):
        # Where two tags are as good as equal, either may come first.
        if all(isinstance(value, dict) and "tag" in value for value in here + there):
            here, there = (sorted(values, key=lambda value: value["tag"]) for values in (here, there))
        if len(here) != len(there):
            sys.exit(f"{place}: {len(here)} and {len(there)} values")
        pairs = enumerate(zip(here, there))
        return max((difference(a, b, f"{place}[{i}]") for i, (a, b) in pairs), default=0.0)
    if here != there:
        sys.exit(f"{place}: {here!r} and {there!r}")
    return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("here")
    parser.add_argument("there")
    parser.add_argument("--ignore", help="a key of the lines that may differ")
    parser.add_argument("--within", type=float, default=1e-3)
    args = parser.parse_args()
    here, there = read(args.here, args.ignore), read(args.there, args.ignore)
    if not here:
        sys.exit(f"{args.here}: nothing to compare")
    most = difference(here, there, args.there)
    if not most <= args.within:
        sys.exit(f"{args.here} and {args.there}: numbers differ by {most:.2g}, more than {args.within:g}")
    print(f"{len(here)} lines are the same, numbers to {most:.1g}")


if __name__ == "__main__":
    main()
