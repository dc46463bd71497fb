#!/usr/bin/python3
"""Makes examples/records/ from examples/sources/; --check compares them byte for byte and validates gold.jsonl.

Needs Python 3 and the Debian packages python3-pil, python3-reportlab and fonts-nanum (PDF and scans only).
The made files are committed, so that nobody needs this to use them.
"""
import argparse
import collections
import email.utils
import json
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from writers import blocks, docx, hwpx, odt, pdf, plain, pptx, xlsx  # noqa: E402

ALWAYS, NEVER_ENDS = "0000-00-00", "9999-99-99"
WRITERS = {"docx": docx.write, "xlsx": xlsx.write, "pptx": pptx.write, "odt": odt.write, "hwpx": hwpx.write, "png": pdf.write_png,
           "html": plain.write_html, "md": plain.write_text, "txt": plain.write_text, "csv": plain.write_text,
           "json": plain.write_text, "jsonl": plain.write_text}


def read_sources():
    sources = {}
    for path in sorted((HERE / "sources").rglob("*.txt")):
        try:
            sources[path.stem] = blocks.parse(path.stem, path.read_text(encoding="utf-8"))
        except (ValueError, StopIteration, KeyError) as error:
            sys.exit(f"{path}: {error}")
    return sources


def render(source, sources):
    """The bytes of the file that a source stands for."""
    def attachment(stem):
        other = sources[stem]
        return other.target.rsplit("/", 1)[1], render(other, sources)
    kind = source.format
    if kind == "pdf":
        return pdf.write_scan(source) if source.get("scan") else pdf.write(source)
    if kind in ("eml", "mbox", "zip"):
        return getattr(plain, "write_" + kind)(source, attachment)
    return WRITERS[kind](source)


def is_member(source):
    return source.target.startswith("@/")  # only inside a mail or a ZIP


def make(folder):
    sources = read_sources()
    if folder.exists():
        shutil.rmtree(folder)
    for source in sources.values():
        if not is_member(source):
            path = folder / source.target
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(render(source, sources))
    return sources


# ---------------------------------------------------------------------------------------------------------------------
# Checking: which record versions the folder holds, and whether the gold questions fit them.

Version = collections.namedtuple("Version", "valid_from text")


def relative(target):
    return target.split("/", 1)[1]  # keys are relative to the labelled root: open, sensitive, classified


def mail_date(text):
    """The day in the sender's own zone."""
    return email.utils.parsedate_to_datetime(re.search(r"(?m)^Date: (.+)$", text).group(1)).strftime("%Y-%m-%d")


def front_matter(source):
    """What a Markdown file says of itself: its body begins with a front matter of its own."""
    body = source.body.lstrip("\n")
    if source.format != "md" or not body.startswith("---\n"):
        return {}
    return dict(line.split(": ", 1) for line in body[4:].split("\n---\n")[0].split("\n"))


def record_versions(sources):
    """key -> [Version] by date, as `sillok add` should name them."""
    records, members = collections.defaultdict(list), collections.defaultdict(list)
    for source in sources.values():
        for stem in source.fields.get("member", []):
            members[stem].append(relative(source.target))
        if source.format in ("eml", "mbox"):
            for line in source.body.split("\n"):
                if line.startswith("Attach: "):
                    members[line[8:]].append(relative(source.target))
    for stem, source in sources.items():
        if source.format == "jsonl":
            for line in source.body.strip().split("\n"):
                item = json.loads(line)
                records[item["id"]].append(Version(item.get("date", ALWAYS), item["title"] + "\n" + item["text"]))
            continue
        if source.format == "zip":
            continue
        if source.format == "mbox":
            for text in plain.messages(source):
                name = re.search(r"(?m)^Message-ID: <(.+)>$", text).group(1)
                records[f"{relative(source.target)}/{name}"].append(Version(mail_date(text), text))
            continue
        own = front_matter(source)
        default = mail_date(source.body) if source.format == "eml" else own.get("date", ALWAYS)
        version = Version(source.get("from", default), blocks.plain(source))
        if "id" in own:
            records[own["id"]].append(version)
        elif source.get("record"):
            check_head(source, version.text)
            records[source.get("record")].append(version)
        elif is_member(source):
            for container in members[stem]:
                records[f"{container}/{source.target[2:]}"].append(version)
        else:
            records[relative(source.target)].append(version)
    return {key: sorted(versions) for key, versions in records.items()}


def check_head(source, text):
    """A controlled document must say its number and date where a reader looks for them."""
    head = text[:600]
    for value in (source.get("record"), source.get("from")):
        if value not in head:
            sys.exit(f"{source.name}: {value} is not in the first lines")


def in_force(versions, day):
    valid = [v for v in versions if v.valid_from <= day]
    return valid[-1:]


def check_question(line, records):
    problems = []
    day = line.get("as_of", NEVER_ENDS)
    everything = [v for versions in records.values() for v in in_force(versions, day)]
    if line.get("answerable", True):
        named = []
        for key in line["records"]:
            if key not in records:
                problems.append(f"no record {key}")
            elif not in_force(records[key], day):
                problems.append(f"{key} is not in force on {day}")
            else:
                named += in_force(records[key], day)
        if not line["answers"] or not line["records"]:
            problems.append("needs answers and records")
        for answer in line["answers"]:
            if not any(answer in v.text for v in named):
                problems.append(f"'{answer}' is not in {line['records']}")
    else:
        if line["answers"] or line["records"] or not line.get("absent"):
            problems.append("an unanswerable question has no answers, no records, and `absent` words")
        for word in line.get("absent", []):
            if any(word in v.text for v in everything):
                problems.append(f"'{word}' is in the records")
    return [f"{line['id']}: {p}" for p in problems]


def check_gold(sources):
    records, problems, seen = record_versions(sources), [], set()
    counts = collections.Counter()
    for text in (HERE / "gold.jsonl").read_text(encoding="utf-8").strip().split("\n"):
        line = json.loads(text)
        if line["id"] in seen:
            problems.append(f"{line['id']}: twice")
        seen.add(line["id"])
        counts[line["category"]] += 1
        counts["(unanswerable)"] += not line.get("answerable", True)
        counts["(as of a date)"] += "as_of" in line
        counts["(two records)"] += len(line["records"]) > 1
        problems += check_question(line, records)
    versions = sum(len(v) for v in records.values())
    print(f"{len(records)} records, {versions} versions, {len(seen)} questions: "
          + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return problems


def check():
    with tempfile.TemporaryDirectory() as name:
        fresh, kept = pathlib.Path(name) / "records", HERE / "records"
        sources = make(fresh)
        files = {p.relative_to(fresh) for p in fresh.rglob("*") if p.is_file()}
        old = {p.relative_to(kept) for p in kept.rglob("*") if p.is_file()}
        problems = [f"{p}: only in {'sources' if p in files else 'records'}" for p in sorted(files ^ old)]
        problems += [f"{p}: differs from its source; run examples/make.py" for p in sorted(files & old)
                     if (fresh / p).read_bytes() != (kept / p).read_bytes()]
    problems += check_gold(sources)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and validate, change nothing")
    parser.add_argument("--keys", action="store_true", help="list record keys and the dates of their versions")
    arguments = parser.parse_args()
    if absent := pdf.missing():
        sys.exit("PDF and scanned examples need: apt-get install -y --no-install-recommends " + " ".join(absent))
    if arguments.check:
        sys.exit(check())
    if arguments.keys:
        for key, versions in sorted(record_versions(read_sources()).items()):
            print(key, *(v.valid_from for v in versions))
        return
    make(HERE / "records")


if __name__ == "__main__":
    main()
