"""DOCX: headings by style, bullet lists, merged cells, header rows, footnotes, comments, text boxes, running heads."""
from .blocks import pieces
from .package import XML, content_types, core_properties, make_zip, relations, x

NS = ('xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
      'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
      'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
      'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
      'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
      'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
      'xmlns:v="urn:schemas-microsoft-com:vml"')
WML = "application/vnd.openxmlformats-officedocument.wordprocessingml."


def run(text, properties=""):
    return f'<w:r>{properties}<w:t xml:space="preserve">{x(text)}</w:t></w:r>'


def style(name, more=""):
    return f'<w:pPr><w:pStyle w:val="{name}"/>{more}</w:pPr>'


class Body:
    def __init__(self, source):
        self.source, self.comments, self.notes, self.boxes = source, [], [], 0

    def runs(self, text):
        out = ""
        for part, note in pieces(text):
            if note is None:
                out += run(part)
                continue
            self.notes.append(self.source.notes[note])
            out += ('<w:r><w:rPr><w:rStyle w:val="FootnoteReference"/></w:rPr>'
                    f'<w:footnoteReference w:id="{len(self.notes) + 1}"/></w:r>')
        return out

    def commented(self, inner, comment):
        number = len(self.comments)
        self.comments.append(comment)
        return (f'<w:commentRangeStart w:id="{number}"/>{inner}<w:commentRangeEnd w:id="{number}"/>'
                f'<w:r><w:commentReference w:id="{number}"/></w:r>')

    def box(self, text):
        self.boxes += 1
        content = f'<w:txbxContent><w:p>{run(text)}</w:p></w:txbxContent>'
        size = '<wp:extent cx="4320000" cy="540000"/>'
        choice = (f'<w:drawing><wp:inline>{size}<wp:docPr id="{self.boxes}" name="Text Box {self.boxes}"/><a:graphic>'
                  '<a:graphicData uri="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"><wps:wsp>'
                  '<wps:cNvSpPr txBox="1"/><wps:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="4320000" cy="540000"/></a:xfrm>'
                  '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></wps:spPr>'
                  f'<wps:txbx>{content}</wps:txbx><wps:bodyPr/></wps:wsp></a:graphicData></a:graphic></wp:inline></w:drawing>')
        fallback = f'<w:pict><v:rect style="width:340pt;height:42pt"><v:textbox>{content}</v:textbox></v:rect></w:pict>'
        return (f'<w:p><w:r><mc:AlternateContent><mc:Choice Requires="wps">{choice}</mc:Choice>'
                f'<mc:Fallback>{fallback}</mc:Fallback></mc:AlternateContent></w:r></w:p>')

    def table(self, block):
        width = len(block.rows[0])
        out = '<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/></w:tblPr><w:tblGrid>'
        out += f'<w:gridCol w:w="{9000 // width}"/>' * width + "</w:tblGrid>"
        hanging = {}  # column -> (rows left, columns) of a cell merged downwards
        for number, row in enumerate(block.rows):
            out += "<w:tr>" + ("<w:trPr><w:tblHeader/></w:trPr>" if number < block.header_rows else "")
            column = 0
            while column < width:
                cell = row[column]
                if cell is None:
                    rows, columns = hanging[column]
                    hanging[column] = (rows - 1, columns)
                    merge, text = "<w:vMerge/>", ""
                else:
                    columns, text = cell.columns, cell.text
                    merge = '<w:vMerge w:val="restart"/>' if cell.rows > 1 else ""
                    hanging[column] = (cell.rows - 1, columns)
                span = f'<w:gridSpan w:val="{columns}"/>' if columns > 1 else ""
                lines = "".join(f"<w:p>{self.runs(line)}</w:p>" for line in text.split("\n"))
                out += f'<w:tc><w:tcPr><w:tcW w:w="{9000 // width * columns}" w:type="dxa"/>{span}{merge}</w:tcPr>{lines}</w:tc>'
                column += columns
            out += "</w:tr>"
        return out + "</w:tbl>"

    def block(self, block, comment):
        if block.kind in ("table", "box"):  # a comment on one is anchored in the paragraph after it
            after = f'<w:p>{self.commented("", comment) if comment else ""}</w:p>'
            return (self.table(block) if block.kind == "table" else self.box(block.text)) + after
        if block.kind == "break":
            return '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
        inner = self.runs(block.text)
        if comment:
            inner = self.commented(inner, comment)
        if block.kind == "heading":
            name = "Title" if block.level == 1 else f"Heading{block.level - 1}"
            return f"<w:p>{style(name)}{inner}</w:p>"
        if block.kind == "item":
            numbering = f'<w:numPr><w:ilvl w:val="{block.level - 1}"/><w:numId w:val="1"/></w:numPr>'
            return f'<w:p>{style("ListBullet", numbering)}{inner}</w:p>'
        return f'<w:p>{style("Caption") if block.kind == "caption" else ""}{inner}</w:p>'


def styles():
    def paragraph(name, title, size, bold, outline=None):
        level = f'<w:pPr><w:outlineLvl w:val="{outline}"/></w:pPr>' if outline is not None else ""
        return (f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{title}"/>{level}'
                f'<w:rPr>{"<w:b/>" if bold else ""}<w:sz w:val="{size}"/></w:rPr></w:style>')
    border = "".join(f'<w:{s} w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
                     for s in ("top", "left", "bottom", "right", "insideH", "insideV"))
    return (XML + f'<w:styles {NS}><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="NanumGothic" '
            'w:eastAsia="NanumGothic" w:hAnsi="NanumGothic"/><w:sz w:val="20"/></w:rPr></w:rPrDefault></w:docDefaults>'
            '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
            + paragraph("Title", "Title", 32, True) + paragraph("Heading1", "heading 1", 26, True, 0)
            + paragraph("Heading2", "heading 2", 22, True, 1) + paragraph("Heading3", "heading 3", 20, True, 2)
            + paragraph("ListBullet", "List Bullet", 20, False) + paragraph("Caption", "caption", 18, True)
            + paragraph("FootnoteText", "footnote text", 18, False)
            + '<w:style w:type="character" w:styleId="FootnoteReference"><w:name w:val="footnote reference"/>'
            '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>'
            '<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:tblPr><w:tblBorders>'
            f'{border}</w:tblBorders></w:tblPr></w:style></w:styles>')


def numbering():
    levels = "".join(f'<w:lvl w:ilvl="{i}"><w:numFmt w:val="bullet"/><w:lvlText w:val="{c}"/>'
                     f'<w:pPr><w:ind w:left="{400 * (i + 1)}" w:hanging="300"/></w:pPr></w:lvl>' for i, c in enumerate("•-·"))
    return (XML + f'<w:numbering {NS}><w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>'
            '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>')


def footnotes(notes):
    out = ('<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
           '<w:footnote w:type="continuationSeparator" w:id="1"><w:p><w:r><w:continuationSeparator/></w:r></w:p></w:footnote>')
    for number, text in enumerate(notes, 2):
        out += (f'<w:footnote w:id="{number}"><w:p>{style("FootnoteText")}<w:r><w:footnoteRef/></w:r>'
                f'{run(" " + text)}</w:p></w:footnote>')
    return XML + f"<w:footnotes {NS}>{out}</w:footnotes>"


def comments(items, when):
    out = "".join(f'<w:comment w:id="{i}" w:author="{x(c.author)}" w:date="{when}T00:00:00Z"><w:p>{run(c.text)}</w:p></w:comment>'
                  for i, c in enumerate(items))
    return XML + f"<w:comments {NS}>{out}</w:comments>"


def write(source):
    body, out, blocks = Body(source), "", source.blocks
    for number, block in enumerate(blocks):
        if block.kind == "comment":
            continue
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        out += body.block(block, following if following and following.kind == "comment" else None)
    when = source.get("date", "2024-01-01")[:10]
    section = ('<w:sectPr><w:headerReference w:type="default" r:id="rId4"/><w:footerReference w:type="default" r:id="rId5"/>'
               '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1440" w:right="1200" w:bottom="1440" w:left="1200" '
               'w:header="700" w:footer="700" w:gutter="0"/></w:sectPr>')
    parts = [("styles", styles()), ("numbering", numbering()), ("footnotes", footnotes(body.notes)),
             ("header1", XML + f'<w:hdr {NS}><w:p>{run(source.get("header"))}</w:p></w:hdr>'),
             ("footer1", XML + f'<w:ftr {NS}><w:p>{run(source.get("footer"))}</w:p></w:ftr>'),
             ("comments", comments(body.comments, when))]
    kinds = {"header1": "header", "footer1": "footer"}
    types = [("/word/document.xml", WML + "document.main+xml"),
             ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml")]
    types += [(f"/word/{n}.xml", WML + kinds.get(n, n) + "+xml") for n, _ in parts]
    core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
    members = [("[Content_Types].xml", content_types(types)),
               ("_rels/.rels", relations([("rId1", "officeDocument", "word/document.xml"), ("rId2", core, "docProps/core.xml")])),
               ("docProps/core.xml", core_properties(source)),
               ("word/document.xml", XML + f"<w:document {NS}><w:body>{out}{section}</w:body></w:document>"),
               ("word/_rels/document.xml.rels",
                relations([(f"rId{i}", kinds.get(n, n), n + ".xml") for i, (n, _) in enumerate(parts, 1)]))]
    return make_zip(members + [(f"word/{n}.xml", data) for n, data in parts], when=when)
