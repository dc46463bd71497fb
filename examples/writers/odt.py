"""ODT: headings, lists, merged cells, header rows, notes, annotations, text boxes, running heads."""
from .blocks import pieces
from .package import XML, make_zip, x

NS = ('xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
      'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
      'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" '
      'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
      'xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0"')


class Body:
    def __init__(self, source):
        self.source, self.tables, self.notes = source, 0, 0

    def spans(self, text):
        out = ""
        for part, note in pieces(text):
            if note is None:
                out += x(part)
                continue
            self.notes += 1
            out += (f'<text:note text:id="ftn{self.notes}" text:note-class="footnote"><text:note-citation>{self.notes}</text:note-citation>'
                    f'<text:note-body><text:p>{x(self.source.notes[note])}</text:p></text:note-body></text:note>')
        return out

    def table(self, block):
        self.tables += 1
        width = len(block.rows[0])
        out = f'<table:table table:name="Table{self.tables}" table:style-name="Grid"><table:table-column table:number-columns-repeated="{width}"/>'
        for number, row in enumerate(block.rows):
            if number == 0 and block.header_rows:
                out += "<table:table-header-rows>"
            out += "<table:table-row>"
            for cell in row:
                if cell is None:
                    out += "<table:covered-table-cell/>"
                    continue
                spans = f' table:number-columns-spanned="{cell.columns}" table:number-rows-spanned="{cell.rows}"' if cell.columns > 1 or cell.rows > 1 else ""
                lines = "".join(f"<text:p>{self.spans(line)}</text:p>" for line in cell.text.split("\n"))
                out += f'<table:table-cell table:style-name="Cell" office:value-type="string"{spans}>{lines}</table:table-cell>'
            out += "</table:table-row>"
            if number + 1 == block.header_rows:
                out += "</table:table-header-rows>"
        return out + "</table:table>"

    def annotation(self, comment):
        when = self.source.get("date", "2024-01-01")[:10]
        return (f"<office:annotation><dc:creator>{x(comment.author)}</dc:creator><dc:date>{when}T00:00:00</dc:date>"
                f"<text:p>{x(comment.text)}</text:p></office:annotation>")

    def block(self, block, comment):
        if block.kind == "table":
            return self.table(block) + (f"<text:p>{self.annotation(comment)}</text:p>" if comment else "")
        if block.kind == "box":
            return ('<text:p><draw:frame text:anchor-type="as-char" svg:width="12cm" svg:height="1.5cm"><draw:text-box>'
                    f"<text:p>{x(block.text)}</text:p></draw:text-box></draw:frame></text:p>")
        if block.kind == "break":
            return '<text:p text:style-name="Break"/>'
        inner = self.spans(block.text)
        if comment:
            inner += self.annotation(comment)
        if block.kind == "heading":
            if block.level == 1:
                return f'<text:p text:style-name="Title">{inner}</text:p>'
            return f'<text:h text:style-name="Heading_20_{block.level - 1}" text:outline-level="{block.level - 1}">{inner}</text:h>'
        if block.kind == "item":
            opening, closing = "<text:list><text:list-item>" * block.level, "</text:list-item></text:list>" * block.level
            return f"{opening}<text:p>{inner}</text:p>{closing}"
        name = ' text:style-name="Caption"' if block.kind == "caption" else ""
        return f"<text:p{name}>{inner}</text:p>"


def styles(source):
    def paragraph(name, title, size, bold):
        weight = ' fo:font-weight="bold"' if bold else ""
        return (f'<style:style style:name="{name}" style:display-name="{title}" style:family="paragraph">'
                f'<style:text-properties fo:font-size="{size}pt"{weight}/></style:style>')
    return (f'{XML}<office:document-styles {NS} office:version="1.3"><office:styles>{paragraph("Title", "Title", 16, True)}'
            + "".join(paragraph(f"Heading_20_{i}", f"Heading {i}", 14 - i, True) for i in (1, 2, 3))
            + paragraph("Caption", "Caption", 9, True)
            + '</office:styles><office:automatic-styles><style:page-layout style:name="pm1"><style:page-layout-properties '
            'fo:page-width="21cm" fo:page-height="29.7cm" fo:margin="2cm"/><style:header-style/><style:footer-style/></style:page-layout></office:automatic-styles>'
            '<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="pm1">'
            f'<style:header><text:p>{x(source.get("header"))}</text:p></style:header><style:footer><text:p>{x(source.get("footer"))}</text:p></style:footer>'
            "</style:master-page></office:master-styles></office:document-styles>")


def write(source):
    body, out, blocks = Body(source), "", source.blocks
    for number, block in enumerate(blocks):
        if block.kind == "comment":
            continue
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        out += body.block(block, following if following and following.kind == "comment" else None)
    automatic = ('<office:automatic-styles><style:style style:name="Break" style:family="paragraph"><style:paragraph-properties fo:break-before="page"/></style:style>'
                 '<style:style style:name="Cell" style:family="table-cell"><style:table-cell-properties fo:border="0.5pt solid #000000" fo:padding="0.1cm"/></style:style>'
                 "</office:automatic-styles>")
    when = source.get("date", "2024-01-01")[:10]
    kind = "application/vnd.oasis.opendocument.text"
    listed = "".join(f'<manifest:file-entry manifest:full-path="{p}" manifest:media-type="{t}"/>'
                     for p, t in [("/", kind), ("content.xml", "text/xml"), ("styles.xml", "text/xml"), ("meta.xml", "text/xml")])
    members = [("mimetype", kind),
               ("content.xml", f'{XML}<office:document-content {NS} office:version="1.3">{automatic}<office:body><office:text>{out}</office:text></office:body></office:document-content>'),
               ("styles.xml", styles(source)),
               ("meta.xml", f'{XML}<office:document-meta {NS} office:version="1.3"><office:meta><dc:title>{x(source.get("title"))}</dc:title>'
                f'<meta:initial-creator>{x(source.get("author"))}</meta:initial-creator><meta:creation-date>{when}T00:00:00</meta:creation-date></office:meta></office:document-meta>'),
               ("META-INF/manifest.xml", f'{XML}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">{listed}</manifest:manifest>')]
    return make_zip(members, stored=("mimetype",), when=when)
