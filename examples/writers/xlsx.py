"""XLSX: one sheet for each "# " heading; dates, numbers and percentages are typed and number-formatted."""
import datetime
import re

from .blocks import bare
from .package import XML, content_types, core_properties, make_zip, relations, x

NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
SML = "application/vnd.openxmlformats-officedocument.spreadsheetml."
# Cell styles by their index in cellXfs: number format codes; 1 is the bold header.
FORMATS = ["General", "General", "yyyy-mm-dd", "#,##0", "0", "0.0", "0.00", "0.000", "0.0%", "0.00%", "0%", "0.0000", "#,##0.0"]
STYLE = {name: i for i, name in enumerate(FORMATS) if i != 1}


def column_name(index):
    return (chr(64 + index // 26) if index >= 26 else "") + chr(65 + index % 26)


def typed(text):
    """(value, style) for a date, number or percentage written as it will be displayed; None for text."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return str((datetime.date.fromisoformat(text) - datetime.date(1899, 12, 30)).days), STYLE["yyyy-mm-dd"]
    if match := re.fullmatch(r"-?\d+(?:\.(\d+))?%", text):
        digits = len(match.group(1) or "")
        return f"{float(text[:-1]) / 100:.{digits + 2}f}", STYLE["0." + "0" * digits + "%" if digits else "0%"]
    if match := re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.(\d))?", text):
        return text.replace(",", ""), STYLE["#,##0.0" if match.group(1) else "#,##0"]
    if match := re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.(\d{1,4}))?", text):
        return text, STYLE["0." + "0" * len(match.group(1)) if match.group(1) else "0"]
    return None


class Sheet:
    def __init__(self, name):
        self.name, self.rows, self.merges, self.comments, self.last = name, [], [], [], "A1"

    def text_row(self, text):
        self.rows.append([("A", text, False)])
        self.last = f"A{len(self.rows)}"

    def table(self, block):
        for number, row in enumerate(block.rows):
            cells = []
            for column, cell in enumerate(row):
                if cell is None:
                    continue
                cells.append((column_name(column), bare(cell.text), number < block.header_rows))
                at = len(self.rows) + 1
                self.last = f"{column_name(column)}{at}"
                if cell.rows > 1 or cell.columns > 1:
                    self.merges.append(f"{self.last}:{column_name(column + cell.columns - 1)}{at + cell.rows - 1}")
            self.rows.append(cells)

    def xml(self, strings):
        out = f'{XML}<worksheet {NS}><sheetFormatPr defaultRowHeight="15"/><cols><col min="1" max="20" width="16" customWidth="1"/></cols><sheetData>'
        for number, row in enumerate(self.rows, 1):
            out += f'<row r="{number}">'
            for column, text, header in row:
                value = None if header else typed(text)
                if value:
                    out += f'<c r="{column}{number}" s="{value[1]}"><v>{value[0]}</v></c>'
                elif text:
                    index = strings.setdefault(text, len(strings))
                    out += f'<c r="{column}{number}" s="{int(header)}" t="s"><v>{index}</v></c>'
            out += "</row>"
        out += "</sheetData>"
        if self.merges:
            out += f'<mergeCells count="{len(self.merges)}">' + "".join(f'<mergeCell ref="{m}"/>' for m in self.merges) + "</mergeCells>"
        return out + ('<legacyDrawing r:id="rId2"/>' if self.comments else "") + "</worksheet>"

    def comments_xml(self):
        names = sorted({c.author for _, c in self.comments})
        out = "".join(f'<comment ref="{at}" authorId="{names.index(c.author)}"><text><r><t>{x(c.text)}</t></r></text></comment>'
                      for at, c in self.comments)
        return f'{XML}<comments {NS}><authors>{"".join(f"<author>{x(n)}</author>" for n in names)}</authors><commentList>{out}</commentList></comments>'

    def drawing(self):
        shapes = ""
        for number, (at, _) in enumerate(self.comments):
            row, column = int(re.sub(r"\D", "", at)) - 1, ord(at[0]) - 65
            shapes += (f'<v:shape id="_x0000_s{1025 + number}" type="#_x0000_t202" style="visibility:hidden"><x:ClientData ObjectType="Note">'
                       f'<x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>')
        return ('<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
                'xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" '
                f'path="m,l,21600r21600,l21600,xe"/>{shapes}</xml>')


def sheets_of(source):
    sheets = []
    for block in source.blocks:
        if block.kind == "heading" and block.level == 1:
            sheets.append(Sheet(block.text))
        elif block.kind == "table":
            sheets[-1].table(block)
        elif block.kind == "comment":
            sheets[-1].comments.append((sheets[-1].last, block))
        else:
            sheets[-1].text_row(bare(block.text))
    return sheets


def styles():
    formats = "".join(f'<numFmt numFmtId="{164 + i}" formatCode="{f}"/>' for i, f in enumerate(FORMATS) if i > 1)
    xfs = "".join(f'<xf numFmtId="{164 + i if i > 1 else 0}" fontId="{int(i == 1)}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
                  for i in range(len(FORMATS)))
    font = '<sz val="10"/><name val="NanumGothic"/>'
    return (f'{XML}<styleSheet {NS}><numFmts count="{len(FORMATS) - 2}">{formats}</numFmts><fonts count="2"><font>{font}</font>'
            f'<font><b/>{font}</font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>'
            '<fill><patternFill patternType="gray125"/></fill></fills>'
            '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            f'<cellXfs count="{len(FORMATS)}">{xfs}</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>')


def write(source):
    sheets, strings = sheets_of(source), {}
    parts, types = [], []
    for number, sheet in enumerate(sheets, 1):
        parts.append((f"xl/worksheets/sheet{number}.xml", sheet.xml(strings)))
        types.append((f"/xl/worksheets/sheet{number}.xml", SML + "worksheet+xml"))
        if sheet.comments:
            parts.append((f"xl/comments{number}.xml", sheet.comments_xml()))
            parts.append((f"xl/drawings/vmlDrawing{number}.vml", sheet.drawing()))
            parts.append((f"xl/worksheets/_rels/sheet{number}.xml.rels",
                          relations([("rId1", "comments", f"../comments{number}.xml"),
                                     ("rId2", "vmlDrawing", f"../drawings/vmlDrawing{number}.vml")])))
            types.append((f"/xl/comments{number}.xml", SML + "comments+xml"))
    listed = "".join(f'<sheet name="{x(s.name)}" sheetId="{i}" r:id="rId{i}"/>' for i, s in enumerate(sheets, 1))
    count = len(sheets)
    links = [(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in range(1, count + 1)]
    links += [(f"rId{count + 1}", "styles", "styles.xml"), (f"rId{count + 2}", "sharedStrings", "sharedStrings.xml")]
    shared = "".join(f'<si><t xml:space="preserve">{x(s)}</t></si>' for s in strings)
    types += [("/xl/workbook.xml", SML + "sheet.main+xml"), ("/xl/styles.xml", SML + "styles+xml"),
              ("/xl/sharedStrings.xml", SML + "sharedStrings+xml"),
              ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml")]
    core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
    members = [("[Content_Types].xml", content_types(types, [("vml", "application/vnd.openxmlformats-officedocument.vmlDrawing")])),
               ("_rels/.rels", relations([("rId1", "officeDocument", "xl/workbook.xml"), ("rId2", core, "docProps/core.xml")])),
               ("docProps/core.xml", core_properties(source)),
               ("xl/workbook.xml", f"{XML}<workbook {NS}><sheets>{listed}</sheets></workbook>"),
               ("xl/_rels/workbook.xml.rels", relations(links)), ("xl/styles.xml", styles()),
               ("xl/sharedStrings.xml", f'{XML}<sst {NS} count="{len(strings)}" uniqueCount="{len(strings)}">{shared}</sst>')]
    return make_zip(members + parts, when=source.get("date", "2024-01-01"))
