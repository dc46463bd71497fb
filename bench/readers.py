#!/usr/bin/env python3
"""Speed of the readers beside pdftotext and LibreOffice's converter, in one run, over the same files.

    bench/readers.py FOLDER... [--program build/release/sillok] [--bench build/test/readers_bench] [--rounds 5]

Every file under the folders is first read once. Files that are refused, that hold no text, or whose text lacks more than
3 of 100 words that the peer finds are left out and counted: a wrong result is not timed. The rest is read ROUNDS times
by readers_bench (one reader process, a confined child for each file, as in `sillok add`), and converted by the peer:
pdftotext once for each file, LibreOffice once for all files of a format. Time is processor time, own and children's, so
that other work on the machine does not count. Formats with fewer than two files are not timed.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unicodedata

SHEETS = "csv:Text - txt - csv (StarCalc):9,34,76,1,,0,false,true,false,false,false,-1"
TEXT = "txt:Text (encoded):UTF8"
LIBREOFFICE = {"docx": TEXT, "odt": TEXT, "rtf": TEXT, "html": TEXT, "xlsx": SHEETS, "pptx": "pdf"}
LEAST_RECALL = 0.97


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def words_in_order(text):
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).replace("\u00ad", ""))


def words(text):
    return collections.Counter(words_in_order(text))


def recall(ours, peer):
    """The share of the peer's words that are in ours, whatever either puts between them ("2025년" and "2025 년")."""
    wanted, found, joined = words(peer), words(ours), "".join(words_in_order(ours))
    kept = sum(n if found[w] < n and w in joined else min(n, found[w]) for w, n in wanted.items())
    return kept / sum(wanted.values()) if wanted else 1.0


def pdftotext(path):
    done = subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def libreoffice(kind, paths, folder):
    """Converts all; gives each file's text (of a presentation by way of its PDF) and the processor seconds of it."""
    inputs = []
    for n, path in enumerate(paths):  # numbered: names may be equal
        inputs.append(str(folder / f"in{n}.{kind}"))
        shutil.copyfile(path, inputs[-1])
    extra = ["--infilter=HTML (StarWriter)"] if kind == "html" else []
    before = children_seconds()
    subprocess.run(["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", *extra, "--convert-to",
                    LIBREOFFICE[kind], "--outdir", str(folder / "out"), *inputs], capture_output=True, check=False)
    seconds = children_seconds() - before
    texts = []
    for n in range(len(paths)):
        made = sorted((folder / "out").glob(f"in{n}[.-]*"))
        texts.append("\n".join(pdftotext(m) if kind == "pptx" else m.read_text("utf-8", "replace") for m in made))
    return texts, seconds


def peer_run(kind, paths):
    """The peer's name, its texts and its seconds for one round; "" where no peer reads this."""
    if kind == "pdf" and shutil.which("pdftotext"):
        before = children_seconds()
        texts = [pdftotext(path) for path in paths]
        return "pdftotext", texts, children_seconds() - before
    if kind in LIBREOFFICE and shutil.which("soffice"):
        with tempfile.TemporaryDirectory() as folder:
            return "LibreOffice", *libreoffice(kind, paths, pathlib.Path(folder))
    return "", ["" for _ in paths], 0.0


def read_once(program, path):
    """(format, text) of a file; the text is empty where it is refused or holds none."""
    done = subprocess.run([program, "read", path, "--json"], capture_output=True, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode != 0 or not lines:
        return "", ""
    text = subprocess.run([program, "read", path, "--text"], capture_output=True, check=False).stdout
    kind = json.loads(lines[0])["metadata"]["format"]
    suffix = pathlib.Path(path).suffix.lower().lstrip(".")
    return (suffix if suffix in ("mbox", "zip", "jsonl") else kind), text.decode("utf-8", "replace")


def measure(arguments, kind, files):
    paths = [path for path, _ in files]
    peer, texts, _ = peer_run(kind, paths)
    good = [path for (path, ours), theirs in zip(files, texts) if recall(ours, theirs) >= LEAST_RECALL]
    if len(good) < 2:
        return f"| {kind} | {len(good)} | | | | | {len(files) - len(good)} |"
    seconds = peer_run(kind, good)[2]
    done = subprocess.run([arguments.bench, str(arguments.rounds), *good], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    figures = json.loads(done.stdout)
    ours = figures["cpu_seconds"] / figures["rounds"]
    ratio = f"**{seconds / ours:.1f}** x {peer}" if peer else "no peer"
    return (f"| {kind} | {len(good)} | {ratio} | {len(good) / ours:,.0f} | {figures['bytes'] / ours / 1e6:,.1f} | "
            f"{1000 * ours / len(good):.1f} | {len(files) - len(good)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--program", default="build/release/sillok")
    parser.add_argument("--bench", default="build/test/readers_bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", default="", help="only these")
    arguments = parser.parse_args()
    wanted = set(filter(None, arguments.formats.split(",")))
    kinds, without = {}, 0
    for folder in arguments.folders:
        for path in sorted(folder.rglob("*")):
            kind, text = read_once(arguments.program, path) if path.is_file() else ("", "")
            if text.strip() and (not wanted or kind in wanted):
                kinds.setdefault(kind, []).append((str(path), text))
            elif path.is_file():
                without += 1
    print("| format | files | speed | files/s | MB/s | ms a file | left out: peer finds more |")
    print("|---|---|---|---|---|---|---|")
    for kind, files in sorted(kinds.items()):
        print(measure(arguments, kind, files), flush=True)
    print(f"\n{without} files hold no text, are refused or were not asked for. Machine: {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
