#!/usr/bin/env python3
"""Puts broken files through `sillok add`: of every file of DATA, copies that are cut off or have bytes changed.

    bench/rubbish.py DATA [--program build/release/sillok] [--truncations 50] [--flips 200] [--formats pdf,hwp] ...

For each file a folder of its broken copies is added to a home of its own. What must hold, or the script fails:
- `add` ends by itself with status 0 and its JSON report, whatever its readers met, and `doctor` is content;
- each copy became a record or is listed under `failed`, and nothing else is listed;
- each reason says something of the file: none is empty, none speaks of our own insides;
- the time is bounded: no copy's reading passes the limit, and the mean is shown.
Copies are drawn from a generator seeded by the file's name, so that a finding can be had again (--keep leaves them).
One line is printed for each format, and then every kind of reason with how often it was given.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

# Words of a program about itself: a person who has to do something about a file is not helped by them.
INSIDES = re.compile(r"internal|std::|basic_|vector::|_M_|malformed (request|reply|limits|frame)|assert|exception|bad_alloc|"
                     r"gave up|without an answer|nonsense|make sense of it", re.I)
CRASH = re.compile(r"the reader crashed \((\w+)\)")
READER_SECONDS = 120  # documents::ReadLimits::wall_seconds: what one file may take
SLACK_SECONDS = 30    # starting, indexing, closing the home


def broken_copies(path, folder, truncations, flips):
    """Cut at even and at random places; or with one to eight bytes changed. Returns the names."""
    whole = path.read_bytes()
    draw = random.Random(path.name)
    truncations = min(truncations, len(whole))
    cuts = {len(whole) * i // (truncations // 2 + 1) for i in range(1, truncations // 2 + 1)}
    while len(cuts) < truncations:
        cuts.add(draw.randrange(len(whole)))
    names = set()
    for cut in sorted(cuts):
        names.add(f"cut{cut:09d}{path.suffix}")
        (folder / f"cut{cut:09d}{path.suffix}").write_bytes(whole[:cut])
    for n in range(flips if whole else 0):
        copy = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            copy[draw.randrange(len(copy))] ^= draw.randint(1, 255)
        names.add(f"flip{n:04d}{path.suffix}")
        (folder / f"flip{n:04d}{path.suffix}").write_bytes(copy)
    return names


class Run:
    """One file's broken copies, added."""

    def __init__(self, program, path, work, truncations, flips):
        self.program, self.home, self.folder = program, str(work / "home"), work / "in"
        for old in (self.folder, pathlib.Path(self.home)):
            shutil.rmtree(old, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.names = broken_copies(path, self.folder, truncations, flips)
        self.failed, self.wrong = {}, []
        self.sillok("init")
        started = time.monotonic()
        done = self.sillok("add", str(self.folder), "--json")
        self.seconds = time.monotonic() - started
        self.judge_report(done)
        self.judge_home()

    def sillok(self, verb, *arguments):
        return subprocess.run([self.program, verb, *arguments, "--home", self.home], capture_output=True, text=True,
                              errors="replace", check=False)

    def judge_report(self, done):
        if done.returncode != 0:
            self.wrong.append(f"add ended with status {done.returncode}: {done.stderr.strip()[-200:]}")
        try:
            report = json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            self.wrong.append("add gave no report")
            return
        for failure in report["failed"]:
            name = self.file_of(failure["path"])
            self.failed.setdefault(name, []).append(failure["reason"])
            if not failure["reason"].strip() or INSIDES.search(failure["reason"]):
                self.wrong.append(f"{failure['path']}: poor reason {failure['reason']!r}")
        unknown = sorted(self.failed.keys() - self.names)
        if unknown:
            self.wrong.append(f"listed as failed, but not there: {unknown[:3]}")
        if self.seconds > SLACK_SECONDS + READER_SECONDS * len(self.names):
            self.wrong.append(f"took {self.seconds:.0f} s for {len(self.names)} copies")

    def readable(self, name):
        read = subprocess.run([self.program, "read", self.folder / name, "--json"], capture_output=True, check=False)
        return read.returncode == 0 and bool(read.stdout)

    @staticmethod
    def file_of(source):
        """The folder's file that "/folder/a.zip::member" speaks of."""
        return pathlib.PurePath(source.split("::")[0]).name

    def judge_home(self):
        doctor = self.sillok("doctor", "--json")
        if doctor.returncode != 0:
            self.wrong.append(f"doctor is not content: {doctor.stdout.strip()[-200:]}")
        listed = self.sillok("records", "--json", "--limit", "1000000")
        records = json.loads(listed.stdout)["records"]
        kept = {self.file_of(record["source"]) for record in records}
        # Copies that share an identity (a mail's Message-ID, a line's id) are versions of one record.
        for record in records if self.names - self.failed.keys() - kept else []:
            shown = self.sillok("show", record["record"], "--json")
            kept.update(self.file_of(version["source"]) for version in json.loads(shown.stdout)["versions"])
        # What is equal to a record already there adds none; the reader must have had something to give, though.
        silent = sorted(name for name in self.names - self.failed.keys() - kept if not self.readable(name))
        if silent:
            self.wrong.append(f"neither a record nor listed: {silent[:5]}, {len(silent)} in all")


def fixtures(arguments):
    formats = set(filter(None, arguments.formats.split(",")))
    for path in sorted(arguments.data.rglob("*")):
        kind = path.suffix.lower().lstrip(".")
        if path.is_file() and 0 < path.stat().st_size <= arguments.max_bytes and (not formats or kind in formats):
            yield kind, path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--program", default="build/release/sillok")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/sillok-rubbish"))
    parser.add_argument("--truncations", type=int, default=50)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--max-bytes", type=int, default=1 << 40, help="leave out larger files")
    parser.add_argument("--formats", default="", help="only files with these endings")
    parser.add_argument("--keep", action="store_true", help="leave the last folder and home in place")
    arguments = parser.parse_args()

    totals, reasons, wrong = {}, collections.Counter(), []
    for kind, path in fixtures(arguments):
        run = Run(os.path.abspath(arguments.program), path, arguments.work, arguments.truncations, arguments.flips)
        total = totals.setdefault(kind, collections.Counter())
        given = [reason for each in run.failed.values() for reason in each]
        total.update(files=1, copies=len(run.names), failed=len(run.failed), crashed=sum(bool(CRASH.search(r)) for r in given))
        total["seconds"] += run.seconds
        total["slowest"] = max(total["slowest"], run.seconds / len(run.names))
        reasons.update((kind, re.sub(r"'[^']*'|[0-9]+", "#", reason)) for reason in given)
        for what in run.wrong:
            wrong.append(f"{path}: {what}")
            print(f"WRONG {wrong[-1]}", file=sys.stderr, flush=True)
        print(f"  {path.name}: {len(run.names)} copies, {len(run.failed)} failed, {run.seconds:.1f} s", file=sys.stderr, flush=True)
    print("format    files  copies  kept  failed  crashed readers  s/copy (mean, worst file)")
    for kind, t in sorted(totals.items()):
        print(f"{kind:8} {t['files']:6} {t['copies']:7} {t['copies'] - t['failed']:5} {t['failed']:7} {t['crashed']:16}"
              f"  {t['seconds'] / t['copies']:.3f}, {t['slowest']:.3f}")
    for (kind, reason), count in reasons.most_common():
        print(f"{count:6} {kind:6} {reason}")
    print(f"{len(wrong)} wrong")
    if not arguments.keep:
        shutil.rmtree(arguments.work, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
