#!/usr/bin/env python3
"""A year of a living archive: revisions of statutes come into force month by month; does the answer rate hold?

    bench/simulated_year.py DATA [--program build/release/sillok] [--from 2020-01] [--months 12] [--questions 120]
                            [--json FILE] [--svg FILE] [--work DIR]

DATA holds manifest.jsonl ({"path","law","file","title","effective"} a line) and the revisions it names, as Markdown with one
heading an article ("##### 제N조 (title)"). Gold questions are made from the revision in force at the start: half of them from
sentences in which words will be replaced during the year, half from sentences that stay. A question gives the sentence around
a gap; its answer is what stands in the gap, at each month's end by the revision in force then. Two homes start alike:

  with refresh     each month the changed files are put into the source folder and `sillok refresh --once` runs. Gold questions
                   that it marks are answered by a person: the proposed answer if it is right, else the right one.
  without          nothing is added any more.

Both are measured each month on the questions with that month's true answers. Figures go to --json, a picture to --svg; of the
data nothing but figures is kept.
"""
import argparse
import difflib
import functools
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

ARTICLE = re.compile(r"^#{2,6} (제\d+조(?:의\d+)?)(?: \((.*)\))?\s*$")
CONTEXT = 6  # words on each side of the gap that a question shows


@functools.lru_cache(maxsize=None)
def articles(text):
    """Sentences of each article, by its number; and titles."""
    found, titles, now = {}, {}, None
    for line in text.split("---", 2)[-1].splitlines():
        heading = ARTICLE.match(line)
        if heading:
            now = heading.group(1)
            titles[now] = heading.group(2) or ""
            found.setdefault(now, [])
        elif line.startswith("#"):
            now = None
        elif now and line.strip():
            plain = re.sub(r"\*\*|\\", "", line).strip()
            if len(plain) > 25:
                found[now].append(plain)
    return found, titles


def gaps_of(before, after):
    """Runs of words that are replaced between words that stay: where they stand, and how many words stay on each side."""
    a, b = before.split(), after.split()
    steps = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    for left, (kind, i, j, k, l), right in zip(steps, steps[1:], steps[2:]):
        stays = min(left[2] - left[1], CONTEXT), min(right[2] - right[1], CONTEXT)
        if kind == "replace" and j - i <= 5 and l - k <= 5 and min(stays) >= 2 and sum(stays) >= 5:
            yield i, j, *stays


def question_of(title, number, name, words, i, j, before=CONTEXT, after=CONTEXT):
    left, right = words[max(0, i - before):i], words[j:j + after]
    return {"question": f"{title} {number} {name}: “{' '.join(left)} … {' '.join(right)}”에서 사이에 들어갈 말은?", "left": left, "right": right}


def answer_at(question, text):
    """What stands between the question's words in the article now, with a word on each side; None if they are gone."""
    found, _ = articles(text)
    left, right = question["left"], question["right"]
    for sentence in found.get(question["article"], []):
        words = sentence.split()
        for i in range(len(words)):
            if words[i:i + len(left)] != left:
                continue
            for k in range(i + len(left) + 1, min(len(words), i + len(left) + 8)):
                if words[k:k + len(right)] == right:
                    return " ".join(words[i + len(left) - 1:k + 1])
    return None


def in_force(revisions, day):
    """The text of each file in force on that day."""
    now = {}
    for r in revisions:  # by effective date
        if r["effective"] <= day:
            now[(r["law"], r["file"])] = r
    return now


def make_questions(data, revisions, start, end, count, rng):
    changing, staying = [], []
    first, last = in_force(revisions, start), in_force(revisions, end)
    for key, r in first.items():
        text = (data / r["path"]).read_text("utf-8")
        sentences, titles = articles(text)
        later = [x for x in revisions if (x["law"], x["file"]) == key and start < x["effective"] <= end]
        changed_to, _ = articles((data / last[key]["path"]).read_text("utf-8"))
        for number, lines in sentences.items():
            for sentence in lines:
                words = sentence.split()
                if sentence in changed_to.get(number, []):
                    if len(words) >= 12:
                        i = rng.randrange(4, len(words) - 6)
                        staying.append({**question_of(r["title"], number, titles[number], words, i, i + 1), "file": key, "article": number})
                    continue
                for revision in later:
                    new, _ = articles((data / revision["path"]).read_text("utf-8"))
                    close = difflib.get_close_matches(sentence, new.get(number, []), 1, 0.6)
                    gaps = list(gaps_of(sentence, close[0])) if close else []
                    changing += [{**question_of(r["title"], number, titles[number], words, *gap), "file": key, "article": number} for gap in gaps]
                    if gaps:
                        break
    made = []
    for kind, pool in (("changes", changing), ("stays", staying)):
        rng.shuffle(pool)
        # A question with one answer at the start, and the same words asked once.
        good = [dict(q, category=kind) for q in {q["question"]: q for q in pool}.values() if answer_at(q, (data / first[q["file"]]["path"]).read_text("utf-8"))]
        made += good[:count // 2]
    for n, q in enumerate(made):
        q["id"] = f"q{n:03d}"
    return made


class Home:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "files").mkdir(parents=True)
        self.run("init")

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments), "--home", str(self.folder / "home")], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def put(self, data, now):
        for (law, file), revision in now.items():
            target = self.folder / "files" / law / f"{file}.md"
            target.parent.mkdir(exist_ok=True)
            text = (data / revision["path"]).read_bytes()
            if not target.exists() or target.read_bytes() != text:
                target.write_bytes(text)


def write_gold(path, questions):
    path.write_text("".join(json.dumps({k: q[k] for k in ("id", "question", "answers", "category")}, ensure_ascii=False) + "\n" for q in questions), "utf-8")


def months(first, count):
    year, month = map(int, first.split("-"))
    for n in range(count + 1):
        at = month - 1 + n
        yield f"{year + at // 12}-{at % 12 + 1:02d}-01"


def replay(arguments, data, revisions, questions, days):
    kept, frozen = Home(arguments.program, arguments.work / "with"), Home(arguments.program, arguments.work / "without")
    truth_file = arguments.work / "truth.jsonl"
    gold = kept.folder / "home" / "gold.jsonl"
    rows, held = [], {}
    for n, day in enumerate(days):
        now = in_force(revisions, day)
        texts = {key: (data / r["path"]).read_text("utf-8") for key, r in now.items()}
        truth = []
        for q in questions:
            answer = answer_at(q, texts[q["file"]])
            if answer:
                truth.append({**q, "answers": [answer]})
        true_answers = {q["id"]: q["answers"][0] for q in truth}
        marked = right = missed = 0
        kept.put(data, now)
        if n == 0:
            frozen.put(data, now)
            frozen.run("add", frozen.folder / "files")
            kept.run("add", kept.folder / "files")
            write_gold(gold, truth)
            held = dict(true_answers)
            kept.json("refresh", "--once")  # the first release
            report = {"release": None, "seconds": 0, "superseded": []}
        else:
            report = kept.json("refresh", "--once")
            stale = {i for i, a in true_answers.items() if held.get(i) not in (None, a)}
            missed = len(stale - {m["id"] for m in report["superseded"]})
            for mark in report["superseded"]:
                marked += 1
                true = true_answers.get(mark["id"])
                right += true is not None and mark["proposed"] != "" and " ".join(mark["proposed"].split()) in true
                accept = ["refresh", "--accept", mark["id"], "--answer", true or ""]
                kept.run(*accept)
                held[mark["id"]] = true
            kept.json("refresh", "--once")  # measured with the answers that the person gave
        write_gold(truth_file, truth)
        row = {"day": day, "questions": len(truth), "revisions": sum(1 for r in revisions if (days[n - 1] if n else "") < r["effective"] <= day) if n else 0,
               "marked": marked, "proposed_right": right, "stale_not_marked": missed, "refresh_s": report["seconds"]}
        for name, home in (("with", kept), ("without", frozen)):
            figures = home.json("evaluate", truth_file, "--quote")
            row[name] = figures["answer_rate"]
            row[name + "_changes"] = figures["by_category"]["changes"]["answer_rate"]
            row[name + "_stays"] = figures["by_category"]["stays"]["answer_rate"]
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def picture(rows):
    """Two lines over the months, and a bar for each month's revisions."""
    width, height, left, top, right, bottom = 760, 380, 56, 44, 150, 52
    across, down = width - left - right, height - top - bottom
    x = lambda n: left + across * n / (len(rows) - 1)
    y = lambda percent: top + down * (100 - percent) / 100
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="22" font-size="15" fill="#222">Answer rate while {sum(r["revisions"] for r in rows)} revisions of statutes come into force</text>']
    for percent in range(0, 101, 20):
        out.append(f'<line x1="{left}" x2="{left + across}" y1="{y(percent):.1f}" y2="{y(percent):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y(percent) + 4:.1f}" text-anchor="end" fill="#555">{percent} %</text>')
    most = max(r["revisions"] for r in rows) or 1
    for n, row in enumerate(rows):
        bar = 0.18 * down * row["revisions"] / most
        out.append(f'<rect x="{x(n) - 7:.1f}" y="{top + down - bar:.1f}" width="14" height="{bar:.1f}" fill="#e4e4e4"/>')
        if row["revisions"]:
            out.append(f'<text x="{x(n):.1f}" y="{top + down - bar - 3:.1f}" text-anchor="middle" font-size="10" fill="#888">{row["revisions"]}</text>')
        out.append(f'<text x="{x(n):.1f}" y="{top + down + 18}" text-anchor="middle" fill="#555">{row["day"][2:7]}</text>')
    for name, colour, label in (("with", "#1b6e3c", "with refresh"), ("without", "#b3402a", "without")):
        points = " ".join(f"{x(n):.1f},{y(row[name]):.1f}" for n, row in enumerate(rows))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        out += [f'<circle cx="{x(n):.1f}" cy="{y(row[name]):.1f}" r="3" fill="{colour}"/>' for n, row in enumerate(rows)]
        out.append(f'<text x="{left + across + 12}" y="{y(rows[-1][name]) + 4:.1f}" fill="{colour}">{label} {rows[-1][name]:.0f} %</text>')
    out.append(f'<text x="{left}" y="{height - 10}" fill="#777">grey: revisions that came into force in the month; {rows[0]["questions"]} gold questions, half on sentences that change</text></svg>')
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--program", default="build/release/sillok")
    parser.add_argument("--from", dest="first", default="2020-01")
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--questions", type=int, default=120)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/simulated-year"))
    arguments = parser.parse_args()
    revisions = sorted((json.loads(line) for line in (arguments.data / "manifest.jsonl").read_text("utf-8").splitlines()), key=lambda r: (r["effective"], r["seq"]))
    days = list(months(arguments.first, arguments.months))
    questions = make_questions(arguments.data, revisions, days[0], days[-1], arguments.questions, random.Random(1))
    if not any(q["category"] == "changes" for q in questions):
        sys.exit("nothing changes in that time; choose another --from")
    rows = replay(arguments, arguments.data, revisions, questions, days)
    result = {"questions_changing": sum(q["category"] == "changes" for q in questions), "questions_staying": sum(q["category"] == "stays" for q in questions), "months": rows}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.svg:
        arguments.svg.write_text(picture(rows))
    print(f"with refresh {rows[0]['with']:.1f} -> {rows[-1]['with']:.1f}; without {rows[0]['without']:.1f} -> {rows[-1]['without']:.1f}")


if __name__ == "__main__":
    main()
