#!/usr/bin/env python3
"""Kills `sillok` at random moments and checks what it promised: kill.py PROGRAM [--kills 200] [--seed 1] [--folder DIR]

Each round starts one command (add of a folder and of a JSONL file, add --erase, add --watch, or a search that brings the
index up to date), kills it with SIGKILL after a random time, and then checks that
- every version that an earlier command acknowledged is there with the same content, unless its record was erased since;
- `sillok doctor` finds nothing wrong but an erasure that is still to be finished;
- no reader process is left over.
In the end one undisturbed add must lead to the same texts as a fresh home that was never killed.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FILES, LINES = 60, 1000
KINDS = ["add", "add", "add", "watch", "erase", "search"]


def write_files(folder, version, rng):
    for i in range(FILES):
        path = folder / str(i % 5) / f"{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        if version == 0 or rng.random() < 0.2:
            path.write_text(f"파일 {i} 판 {version} 낱말{i}\n")
    lines = [{"id": f"J{i}", "text": f"줄 {i} 판 {version if i % 10 == version % 10 else i % 10}"} for i in range(LINES)]
    (folder / "lines.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


class Home:
    def __init__(self, program, path):
        self.program, self.path = program, path

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments, "--home", str(self.path)], capture_output=True, text=True)

    def json(self, *arguments):
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, f"{arguments}: {ran.stderr or ran.stdout}"
        return json.loads(ran.stdout)

    def versions(self):
        """Each acknowledged version as record, number, original; straight from the archive's tables."""
        import sqlite3
        with sqlite3.connect(f"file:{self.path}/archive.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT r.key, v.number, v.content_hash, v.erased FROM versions v "
                              "JOIN records r ON r.id = v.record_id").fetchall()
        kept = {(key, number, content) for key, number, content, erased in rows if not erased}
        return kept, {key for key, _, _, erased in rows if erased}

    def texts(self):
        """The newest text of each record that was not erased."""
        import sqlite3
        with sqlite3.connect(f"file:{self.path}/archive.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT r.key, v.number, v.content_hash FROM versions v JOIN records r ON "
                              "r.id = v.record_id WHERE v.erased = 0 ORDER BY v.number").fetchall()
        return {key: content for key, _, content in rows}


def readers_left(group):
    left = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            left.append(entry.name)
    return left


def kill_one(home, files, kind, rng):
    """Starts a command of that kind and kills it. Returns whether it was still running."""
    command = {"add": ["add", str(files)], "watch": ["add", "--watch", str(files)],
               "erase": ["add", "--erase", f"J{rng.randrange(LINES)}"], "search": ["search", "낱말7"]}[kind]
    child = subprocess.Popen([home.program, *command, "--home", str(home.path)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    # Half of the kills early, where a short command still runs.
    time.sleep(rng.uniform(0, 0.06) if rng.random() < 0.5 else rng.uniform(0, 0.8))
    if kind == "watch":
        (files / f"late{rng.randrange(3)}.txt").write_text(f"나중 파일 {rng.random()}\n")
        time.sleep(rng.uniform(0, 0.5))
    running = child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait()
    deadline = time.time() + 5
    while readers_left(child.pid) and time.time() < deadline:
        time.sleep(0.02)
    assert not readers_left(child.pid), "readers outlived the program"
    return running


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where to work (default: a temporary folder, removed afterwards)")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    folder = pathlib.Path(arguments.folder or tempfile.mkdtemp(prefix="sillok-kill-"))
    files = folder / "files"
    home = Home(os.path.abspath(arguments.program), folder / "home")
    write_files(files, 0, rng)
    home.json("init")
    kept, gone, killed, attempt = set(), set(), {kind: 0 for kind in KINDS}, 0
    erasing = False
    while sum(killed.values()) < arguments.kills:
        attempt += 1
        kind = rng.choice(KINDS)
        if rng.random() < 0.7:
            write_files(files, attempt, rng)
        if kind == "search":  # There must be something to index: an add that dies right after its first commits.
            kill_one(home, files, "add", rng)
        killed[kind] += kill_one(home, files, kind, rng)
        now, erased = home.versions()
        gone |= erased
        lost = {version for version in kept if version[0] not in gone} - now
        assert not lost, f"attempt {attempt}, {kind}: lost {sorted(lost)[:3]}"
        kept = now
        doctor = home.run("doctor", "--deep", "--json")
        # An erasure that was cut short is told until a writer has come far enough to finish it.
        erasing |= kind == "erase"
        report = json.loads(doctor.stdout)
        pending = [p for p in report["problems"] if "erasure was interrupted" in p]
        assert len(report["problems"]) == len(pending) and (not pending or erasing), f"attempt {attempt}, {kind}: {report}"
    home.json("add", str(files))
    again = home.json("add", str(files))
    assert again["added"] + again["updated"] + again["ended"] == 0, again
    assert home.json("doctor", "--deep")["ok"]
    fresh = Home(home.program, folder / "fresh")
    fresh.json("init")
    fresh.json("add", str(files))
    want = {key: text for key, text in fresh.texts().items() if key not in gone}
    have = {key: text for key, text in home.texts().items() if key not in gone}
    assert have == want, f"{len(set(want.items()) ^ set(have.items()))} texts differ from those of a home never killed"
    print(f"{sum(killed.values())} kills in {attempt} attempts ({', '.join(f'{n} in {kind}' for kind, n in killed.items())}): "
          f"nothing acknowledged was lost, doctor clean each time, {len(gone)} records erased, final texts equal")
    if not arguments.folder:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
