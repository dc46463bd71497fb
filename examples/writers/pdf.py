"""PDF with embedded Korean subsets, and scans: the same sheet as a page image, alone (PNG) or inside a PDF."""
import io
import os

from .blocks import bare, pieces
from .package import x

FONT_DIRECTORY = "/usr/share/fonts/truetype/nanum"
SCAN_DPI = 200  # enough for Tesseract at 11 points and up, and small to keep in a repository


def missing():
    """Debian packages that PDFs and scans need and that are absent."""
    out = []
    for module, package in (("PIL", "python3-pil"), ("reportlab", "python3-reportlab")):
        try:
            __import__(module)
        except ImportError:
            out.append(package)
    if not os.path.exists(f"{FONT_DIRECTORY}/NanumGothic.ttf"):
        out.append("fonts-nanum")
    return out


def prepare():
    from reportlab import rl_config
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    rl_config.invariant = 1
    if "Nanum" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Nanum", f"{FONT_DIRECTORY}/NanumGothic.ttf"))
        pdfmetrics.registerFont(TTFont("NanumBold", f"{FONT_DIRECTORY}/NanumGothicBold.ttf"))
        rl_config.canvas_basefontname = "Nanum"  # or every file would name Helvetica, which is not embedded


def table(block, width, style):
    from reportlab.platypus import Paragraph, Table
    columns = len(block.rows[0])
    data, commands = [], [("GRID", (0, 0), (-1, -1), 0.5, "black"), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
    longest = [max([4] + [max(len(l) for l in row[c].text.split("\n")) for row in block.rows if row[c] and row[c].columns == 1]) for c in range(columns)]
    for r, row in enumerate(block.rows):
        data.append([Paragraph(x(bare(c.text)).replace("\n", "<br/>"), style) if c else "" for c in row])
        for c, cell in enumerate(row):
            if cell and (cell.rows > 1 or cell.columns > 1):
                commands.append(("SPAN", (c, r), (c + cell.columns - 1, r + cell.rows - 1)))
    if block.header_rows:
        commands.append(("BACKGROUND", (0, 0), (-1, block.header_rows - 1), "#e6e6e6"))
    weights = [min(n, 28) + 2 for n in longest]
    return Table(data, colWidths=[width * w / sum(weights) for w in weights], repeatRows=block.header_rows, style=commands)


def write(source):
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer
    prepare()

    def style(size, bold=False, before=0, indent=0):
        return ParagraphStyle("s", fontName="NanumBold" if bold else "Nanum", fontSize=size, leading=size * 1.5,
                              spaceBefore=before, spaceAfter=3, leftIndent=indent)
    heads = {1: style(16, True), 2: style(12.5, True, 8), 3: style(11, True, 5), 4: style(10, True, 4)}
    story, notes = [], []

    def marked(text):
        out = ""
        for part, note in pieces(text):
            if note:
                notes.append(source.notes[note])
            out += x(part) if note is None else f"<super>{len(notes)})</super>"
        return out
    for block in source.blocks:
        if block.kind == "table":
            story += [table(block, A4[0] - 110, style(9)), Spacer(1, 6)]
        elif block.kind == "break":
            story.append(PageBreak())
        elif block.kind == "heading":
            story.append(Paragraph(marked(block.text), heads[block.level]))
        elif block.kind == "item":
            story.append(Paragraph("• " + marked(block.text), style(10, indent=12 * block.level)))
        else:
            story.append(Paragraph(marked(block.text), style(9, True) if block.kind == "caption" else style(10)))
    if notes:
        story.append(Spacer(1, 10))
        story += [Paragraph(f"{number}) {x(note)}", style(8)) for number, note in enumerate(notes, 1)]

    def furniture(canvas, document):
        canvas.setFont("Nanum", 8)
        canvas.drawString(55, A4[1] - 30, source.get("header"))
        canvas.drawString(55, 25, source.get("footer"))
        canvas.drawRightString(A4[0] - 55, 25, f"- {document.page} -")
    out = io.BytesIO()
    document = SimpleDocTemplate(out, pagesize=A4, leftMargin=55, rightMargin=55, topMargin=50, bottomMargin=45,
                                 title=source.get("title"), author=source.get("author"), invariant=1)
    document.build(story, onFirstPage=furniture, onLaterPages=furniture)
    return out.getvalue()


def page_image(source):
    """The sheet as a scanner would give it: 16 greys, slightly askew."""
    from PIL import Image, ImageDraw, ImageFont
    scale = SCAN_DPI / 72
    width, height = int(595 * scale), int(842 * scale)
    page = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(page)

    def font(size, bold=False):
        return ImageFont.truetype(f"{FONT_DIRECTORY}/NanumMyeongjo{'Bold' if bold else ''}.ttf", int(size * scale))
    margin, y = int(50 * scale), int(50 * scale)
    for block in source.blocks:
        if block.kind == "table":
            face, row_height = font(11.5), int(30 * scale)
            columns = len(block.rows[0])
            step = (width - 2 * margin) // columns
            for r, row in enumerate(block.rows):
                for c, cell in enumerate(row):
                    if cell is None:
                        continue
                    left, top = margin + c * step, y + r * row_height
                    draw.rectangle([left, top, left + step * cell.columns, top + row_height * cell.rows], outline=90, width=2)
                    draw.text((left + 12, top + row_height // 2), cell.text, fill=0, font=face, anchor="lm")
            y += row_height * len(block.rows) + int(16 * scale)
            continue
        size = {1: 20, 2: 14}.get(block.level, 12) if block.kind == "heading" else 12
        text = ("- " if block.kind == "item" else "") + block.text
        draw.text((margin, y), text, fill=0, font=font(size, block.kind == "heading"))
        y += int(size * 1.4 * scale)
    page = page.rotate(0.2, resample=Image.BICUBIC, fillcolor=255)
    return page.point(lambda v: min(255, v // 16 * 17))


def write_png(source):
    out = io.BytesIO()
    page_image(source).save(out, "PNG", dpi=(SCAN_DPI, SCAN_DPI), optimize=True)
    return out.getvalue()


def write_scan(source):
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas
    prepare()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    canvas.drawImage(ImageReader(page_image(source)), 0, 0, A4[0], A4[1])
    canvas.save()
    return out.getvalue()
