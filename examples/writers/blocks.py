"""Reads a source file: front matter, then blocks. Every writer of an office format works from these.

Front matter (between two lines "---") is "name: value"; a name may repeat. The body is raw for formats that are text
already, and for the others one block a line:

    # Title, ## Heading, ### Heading      "- " list item, "  - " nested item
    | a | b |                             table row; "|---|---|" ends the header rows; "<" continues the cell to the
                                          left, "^" the one above
    [^1] in a text, "[^1]: note" alone    footnote
    !! name: text                         comment on the block before
    [[ text ]]                            text box
    = text                                caption
    ~~~                                   page break
    anything else                         paragraph
"""
import re
from dataclasses import dataclass, field


@dataclass
class Cell:
    text: str
    rows: int = 1
    columns: int = 1


@dataclass
class Block:
    kind: str  # heading, paragraph, item, table, comment, box, caption, break
    text: str = ""
    level: int = 0
    rows: list = field(default_factory=list)  # table: rows of Cell, or None where a merged cell continues
    header_rows: int = 0
    author: str = ""


@dataclass
class Source:
    name: str  # file name without ending
    fields: dict  # name -> list of values
    body: str
    blocks: list
    notes: dict  # footnote mark -> text

    def get(self, name, default=""):
        return self.fields.get(name, [default])[0]

    @property
    def target(self):
        return self.get("to")

    @property
    def format(self):
        return self.target.rsplit(".", 1)[1]


NOTE = re.compile(r"\[\^(\w+)\]")


def pieces(text):
    """The text cut at footnote marks: [(text, None), ("", "1"), ...]."""
    out, at = [], 0
    for match in NOTE.finditer(text):
        if match.start() > at:
            out.append((text[at:match.start()], None))
        out.append(("", match.group(1)))
        at = match.end()
    if at < len(text):
        out.append((text[at:], None))
    return out


def bare(text):
    return NOTE.sub("", text)


def parse_table(lines):
    header, rows = 0, []
    for line in lines:
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if all(re.fullmatch(r":?-{3,}:?", c) for c in cells):
            header = len(rows)
            continue
        rows.append(cells)
    width = max(len(r) for r in rows)
    grid = [[None] * width for _ in rows]
    for r, row in enumerate(rows):
        if len(row) != width:
            raise ValueError(f"table row has {len(row)} cells, others {width}: {row}")
        for c, text in enumerate(row):
            if text == "<":
                owner = next(grid[r][k] for k in range(c - 1, -1, -1) if rows[r][k] != "<")
                owner.columns += 1
            elif text == "^":
                owner = next(grid[k][c] for k in range(r - 1, -1, -1) if rows[k][c] != "^")
                owner.rows += 1
            else:
                grid[r][c] = Cell(text.replace("\\n", "\n"))
    return Block("table", rows=grid, header_rows=header)


def parse_blocks(body):
    blocks, notes, table = [], {}, []
    for line in body.split("\n") + [""]:
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            blocks.append(parse_table(table))
            table = []
        text = line.strip()
        if not text:
            continue
        if match := re.match(r"\[\^(\w+)\]: (.*)", text):
            notes[match.group(1)] = match.group(2)
        elif match := re.match(r"(#{1,4}) (.*)", text):
            blocks.append(Block("heading", match.group(2), len(match.group(1))))
        elif match := re.match(r"( *)- (.*)", line):
            blocks.append(Block("item", match.group(2), 1 + len(match.group(1)) // 2))
        elif match := re.match(r"!! ([^:]+): (.*)", text):
            blocks.append(Block("comment", match.group(2), author=match.group(1)))
        elif match := re.match(r"\[\[ (.*) \]\]", text):
            blocks.append(Block("box", match.group(1)))
        elif text.startswith("= "):
            blocks.append(Block("caption", text[2:]))
        elif text == "~~~":
            blocks.append(Block("break"))
        else:
            blocks.append(Block("paragraph", text))
    return blocks, notes


RAW_FORMATS = ("md", "txt", "csv", "json", "jsonl", "eml", "mbox", "zip")


def parse(name, text):
    if not text.startswith("---\n") or "\n---\n" not in text:
        raise ValueError("no front matter")
    head, body = text[4:].split("\n---\n", 1)
    fields = {}
    for line in head.split("\n"):
        key, value = line.split(": ", 1)
        fields.setdefault(key, []).append(value.strip())
    source = Source(name, fields, body, [], {})
    if source.format not in RAW_FORMATS:
        source.blocks, source.notes = parse_blocks(body)
    return source


def plain(source):
    """The text a reader should find: what gold answers are checked against."""
    if not source.blocks:
        return source.body
    out = [source.get("header"), source.get("footer")]
    for block in source.blocks:
        if block.kind == "table":
            out += [" | ".join(c.text for c in row if c) for row in block.rows]
        else:
            out.append(bare(block.text))
    return "\n".join(out + list(source.notes.values()))
