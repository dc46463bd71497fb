#!/usr/bin/env python3
"""Speed of the language-model engine beside a peer, interleaved in one run, as ratios.

    bench/engine.py MODEL.gguf... [--program build/release/sillok] [--peer [NAME=]PATH/llama-bench]... [--threads 2] [--rounds 3]

Each round runs the program, then each peer, on each file: prefill of 512 tokens and decoding of 64, one request. Without
--peer only our own figures are printed. The ratio is over the faster peer. The last column is the file's size times the tokens
a second: what decoding reads of the weights, to be held against the machine's memory bandwidth (bench/tensor_bench measures it).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys


def ours(program, model, threads):
    out = subprocess.run([program, "bench", "model", model, "--prompt", "512", "--gen", "64", "--batch", "1,2,4,8", "--repeat", "1",
                          "--threads", str(threads), "--json"], check=True, capture_output=True, text=True).stdout
    figures = json.loads(out)
    rates = {"prefill": figures["prefill"]["tokens_per_s"]["median"], "load_s": figures["load_s"]}
    for row in figures["decode"]:
        rates[f"decode x{row['batch']}"] = row["tokens_per_s"]["median"]
    return rates


def peers(program, model, threads):
    out = subprocess.run([program, "-m", model, "-p", "512", "-n", "64", "-t", str(threads), "-r", "1", "-o", "json"],
                         check=True, capture_output=True, text=True).stdout
    rates = {}
    for row in json.loads(out):
        rates["prefill" if row["n_prompt"] else "decode x1"] = row["avg_ts"]
    return rates


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--program", default="build/release/sillok")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    programs = {}
    for peer in arguments.peer:
        name, _, path = peer.rpartition("=")
        programs[name or "peer"] = path
        if not os.access(path, os.X_OK):
            sys.exit(f"engine.py: {path} cannot be run; give the peer's bench program or leave --peer out")
    names = list(programs)
    print("| model | what | ratio | ours, tokens/s | " + "".join(f"{name} | " for name in names) + "weights read, GB/s |")
    print("|---" * (5 + len(names)) + "|")
    for model in arguments.models:
        mine, theirs = [], {name: [] for name in names}
        for _ in range(arguments.rounds):
            mine.append(ours(arguments.program, model, arguments.threads))
            for name in names:
                theirs[name].append(peers(programs[name], model, arguments.threads))
        size = pathlib.Path(model).stat().st_size
        for what in mine[0]:
            if what == "load_s":
                continue
            own = statistics.median(rates[what] for rates in mine)
            medians = [statistics.median(rates[what] for rates in theirs[name]) if what in theirs[name][0] else 0 for name in names]
            best = max(medians, default=0)
            ratio = f"{own / best:.2f}" if best else ""
            beside = "".join(f"{median:.1f} | " if median else " | " for median in medians)
            read = f"{own * size / 1e9:.1f}" if what == "decode x1" else ""
            print(f"| {pathlib.Path(model).name} | {what} | {ratio} | {own:.1f} | {beside}{read} |", flush=True)
        alone = statistics.median(rates["decode x1"] for rates in mine)
        eight = statistics.median(rates["decode x8"] for rates in mine)
        print(f"| {pathlib.Path(model).name} | 8 requests over 1 | {eight / alone:.2f} | | " + "| " * len(names) + "|", flush=True)


if __name__ == "__main__":
    main()
