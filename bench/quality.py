#!/usr/bin/env python3
"""Measures finding and answering on public question sets, through the program as a person uses it.

    bench/quality.py DATA [SET...] [--program build/release/sillok] [--work DIR] [--train]

DATA holds korquad/KorQuAD_v1.0_dev.json and korquad/distractors.jsonl, xquad/xquad.LANG.json, squad2/dev-v2.0.json in their
published forms. SET is any of korquad, xquad, squad2 (default: all). Each set is added to a home of its own, searched
and asked; the figures are printed as a Markdown table beside the goals of docs/SEARCH.md and docs/ANSWERS.md. --train measures
a retriever instead: trained on the set's questions, cross-validated in five folds by article, and on its records alone.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time


def squad(path):
    """Paragraphs and questions of a file in SQuAD's form; equal paragraphs are one record."""
    records, gold = {}, []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            key = records.setdefault(paragraph["context"], f"p{len(records):05d}")
            for question in paragraph["qas"]:
                answers = sorted({a["text"] for a in question["answers"]})
                gold.append({"id": question["id"], "question": question["question"], "answers": answers, "category": article["title"],
                             "records": [key], "answerable": not question.get("is_impossible", False)})
    return [{"id": key, "text": text} for text, key in records.items()], gold


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def make_home(program, work, name, records, gold):
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_lines(folder / "records.jsonl", records)
    write_lines(folder / "gold.jsonl", gold)
    home = folder / "home"
    run = lambda *args: subprocess.run([program, *args], check=True, capture_output=True, text=True).stdout
    run("init", "--home", str(home))
    start = time.monotonic()
    added = json.loads(run("add", "--home", str(home), str(folder / "records.jsonl"), "--json").splitlines()[-1])
    seconds = time.monotonic() - start
    if added["added"] != len(records) or added["failed"]:
        sys.exit(f"{name}: added {added['added']} of {len(records)} records: {added['failed'][:3]}")
    return run, folder, seconds


def measure(program, work, name, records, gold):
    run, folder, seconds = make_home(program, work, name, records, gold)
    figures = json.loads(run("evaluate", "--home", str(folder / "home"), str(folder / "gold.jsonl"), "--json"))
    figures["add_seconds"] = seconds
    figures["records"] = len(records)
    return figures


def measure_training(program, work, name, records, gold):
    """A row for questions and records, one for records alone; the second adopts nothing and asks the gold questions as well."""
    run, folder, _ = make_home(program, work, name, records, gold)
    home = ["--home", str(folder / "home"), "--json"]
    before = json.loads(run("evaluate", str(folder / "gold.jsonl"), *home))
    alone = json.loads(run("train", "retriever", *home))
    after = json.loads(run("evaluate", str(folder / "gold.jsonl"), *home))
    trained = json.loads(run("train", "retriever", "--gold", str(folder / "gold.jsonl"), "--measure-only", *home))
    three = lambda f: " / ".join(f"{f[k]:.2f}" for k in ("recall_at_1", "recall_at_5", "mrr_10"))
    print(f"| {name} | {three(before)} | {three(after)} | {'yes' if alone['adopted'] else 'no'} | {three(trained['trained'])} | "
          f"{alone['seconds']:.0f} | {trained['seconds']:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("sets", nargs="*", default=[])
    parser.add_argument("--program", default="build/release/sillok")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/tmp/sillok-quality"))
    arguments = parser.parse_args()
    wanted = arguments.sets or ["korquad", "xquad", "squad2"]
    jobs = []
    if "korquad" in wanted:
        records, gold = squad(arguments.data / "korquad/KorQuAD_v1.0_dev.json")
        for line in (arguments.data / "korquad/distractors.jsonl").read_text("utf-8").splitlines():
            records.append(json.loads(line))
        jobs.append(("korquad", records, gold))
    if "xquad" in wanted:
        for path in sorted((arguments.data / "xquad").glob("xquad.*.json")):
            jobs.append((path.stem, *squad(path)))
    if "squad2" in wanted:
        jobs.append(("squad2", *squad(arguments.data / "squad2/dev-v2.0.json")))
    if arguments.train:
        print("| set | words alone: recall@1 / @5 / MRR@10 | trained on records alone | adopted | and questions, cross-validated | s | s |")
        print("|---|---|---|---|---|---|---|")
        for name, records, gold in jobs:
            measure_training(arguments.program, arguments.work, name, records, gold)
        return
    columns = ["records", "questions", "recall_at_1", "recall_at_5", "mrr_10", "answer_rate_1", "answer_rate", "em", "f1",
               "auroc_answerable", "search_latency_ms_p50", "search_latency_ms_p99", "add_seconds"]
    print("| set | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name, records, gold in jobs:
        figures = measure(arguments.program, arguments.work, name, records, gold)
        cells = [figures[c] for c in columns]
        print(f"| {name} | " + " | ".join("" if c is None else f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells) + " |",
              flush=True)


if __name__ == "__main__":
    main()
