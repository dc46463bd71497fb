"""PPTX: one slide for each "# " heading, with bullets, tables, text boxes and, from comments, speaker's notes."""
from .blocks import bare
from .package import XML, content_types, core_properties, make_zip, relations, x

NS = ('xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
      'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
      'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"')
PML = "application/vnd.openxmlformats-officedocument.presentationml."
GROUP = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
MAP = ('<p:clrMap bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" accent1="accent1" accent2="accent2" accent3="accent3" '
       'accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>')


def paragraph(text, level=0):
    return f'<a:p><a:pPr lvl="{level}"/><a:r><a:rPr lang="ko-KR"/><a:t>{x(text)}</a:t></a:r></a:p>'


def shape(number, name, placeholder, paragraphs, top, height):
    place = f'<p:nvPr><p:ph type="{placeholder}"/></p:nvPr>' if placeholder else "<p:nvPr/>"
    box = "" if placeholder else ' txBox="1"'
    return (f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="{name}"/><p:cNvSpPr{box}/>{place}</p:nvSpPr><p:spPr><a:xfrm>'
            f'<a:off x="500000" y="{top}"/><a:ext cx="8100000" cy="{height}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
            f'</p:spPr><p:txBody><a:bodyPr/><a:lstStyle/>{paragraphs}</p:txBody></p:sp>')


def table(block, number, top):
    width = len(block.rows[0])
    out = (f'<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="{number}" name="Table {number}"/><p:cNvGraphicFramePr/><p:nvPr/>'
           f'</p:nvGraphicFramePr><p:xfrm><a:off x="500000" y="{top}"/><a:ext cx="8100000" cy="{370000 * len(block.rows)}"/></p:xfrm>'
           '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/table"><a:tbl>'
           f'<a:tblPr firstRow="{int(block.header_rows > 0)}"/><a:tblGrid>' + f'<a:gridCol w="{8100000 // width}"/>' * width + "</a:tblGrid>")
    covered = {}
    for r, row in enumerate(block.rows):
        out += '<a:tr h="370000">'
        for c, cell in enumerate(row):
            attributes, text = covered.get((r, c), ""), ""
            if cell:
                text = bare(cell.text)
                attributes = (f' gridSpan="{cell.columns}"' if cell.columns > 1 else "") + (f' rowSpan="{cell.rows}"' if cell.rows > 1 else "")
                for dr in range(cell.rows):
                    for dc in range(cell.columns):
                        covered[r + dr, c + dc] = (' hMerge="1"' if dc else "") + (' vMerge="1"' if dr else "")
            out += f"<a:tc{attributes}><a:txBody><a:bodyPr/><a:lstStyle/>{paragraph(text)}</a:txBody><a:tcPr/></a:tc>"
        out += "</a:tr>"
    return out + "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"


def slide(title, blocks):
    shapes = shape(2, "Title", "title", paragraph(title), 300000, 700000)
    body, others, top, number = "", "", 1100000, 10
    for block in blocks:
        if block.kind in ("item", "paragraph", "caption", "heading"):
            body += paragraph(bare(block.text), max(block.level - 1, 0) if block.kind == "item" else 0)
    if body:
        shapes += shape(3, "Body", "body", body, top, 2400000)
        top += 2600000
    for block in blocks:
        if block.kind == "table":
            others += table(block, number, top)
            top += 370000 * len(block.rows) + 200000
        elif block.kind == "box":
            others += shape(number, f"TextBox {number}", "", paragraph(block.text), top, 400000)
            top += 500000
        number += 1
    return f'{XML}<p:sld {NS}><p:cSld><p:spTree>{GROUP}{shapes}{others}</p:spTree></p:cSld></p:sld>'


def theme():
    colours = {"dk1": "000000", "lt1": "FFFFFF", "dk2": "1F3864", "lt2": "EEECE1", "accent1": "4472C4", "accent2": "ED7D31",
               "accent3": "A5A5A5", "accent4": "FFC000", "accent5": "5B9BD5", "accent6": "70AD47", "hlink": "0563C1", "folHlink": "954F72"}
    scheme = "".join(f'<a:{n}><a:srgbClr val="{v}"/></a:{n}>' for n, v in colours.items())
    fonts = "".join(f'<a:{n}><a:latin typeface="NanumGothic"/><a:ea typeface="NanumGothic"/><a:cs typeface=""/></a:{n}>' for n in ("majorFont", "minorFont"))
    fill = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>' * 3
    line = f'<a:ln w="6350">{fill[:len(fill) // 3]}</a:ln>' * 3
    effect = "<a:effectStyle><a:effectLst/></a:effectStyle>" * 3
    return (f'{XML}<a:theme {NS.split(" ")[0]} name="plain"><a:themeElements><a:clrScheme name="plain">{scheme}</a:clrScheme>'
            f'<a:fontScheme name="plain">{fonts}</a:fontScheme><a:fmtScheme name="plain"><a:fillStyleLst>{fill}</a:fillStyleLst>'
            f'<a:lnStyleLst>{line}</a:lnStyleLst><a:effectStyleLst>{effect}</a:effectStyleLst><a:bgFillStyleLst>{fill}</a:bgFillStyleLst>'
            "</a:fmtScheme></a:themeElements></a:theme>")


def write(source):
    slides = []
    for block in source.blocks:
        if block.kind == "heading" and block.level == 1:
            slides.append((block.text, []))
        else:
            slides[-1][1].append(block)
    empty = f"<p:cSld><p:spTree>{GROUP}</p:spTree></p:cSld>"
    ids = "".join(f'<p:sldId id="{255 + i}" r:id="rId{i + 2}"/>' for i in range(1, len(slides) + 1))
    parts = [("ppt/presentation.xml", f'{XML}<p:presentation {NS}><p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst>'
              f'<p:notesMasterIdLst><p:notesMasterId r:id="rId2"/></p:notesMasterIdLst><p:sldIdLst>{ids}</p:sldIdLst>'
              '<p:sldSz cx="9144000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>', PML + "presentation.main+xml"),
             ("ppt/slideMasters/slideMaster1.xml", f'{XML}<p:sldMaster {NS}>{empty}{MAP}<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/>'
              "</p:sldLayoutIdLst></p:sldMaster>", PML + "slideMaster+xml"),
             ("ppt/slideLayouts/slideLayout1.xml", f"{XML}<p:sldLayout {NS}>{empty}</p:sldLayout>", PML + "slideLayout+xml"),
             ("ppt/notesMasters/notesMaster1.xml", f"{XML}<p:notesMaster {NS}>{empty}{MAP}</p:notesMaster>", PML + "notesMaster+xml")]
    parts += [(f"ppt/theme/theme{i}.xml", theme(), "application/vnd.openxmlformats-officedocument.theme+xml") for i in (1, 2)]
    links = {"ppt/_rels/presentation.xml.rels": [("rId1", "slideMaster", "slideMasters/slideMaster1.xml"), ("rId2", "notesMaster", "notesMasters/notesMaster1.xml")],
             "ppt/slideMasters/_rels/slideMaster1.xml.rels": [("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml"), ("rId2", "theme", "../theme/theme1.xml")],
             "ppt/slideLayouts/_rels/slideLayout1.xml.rels": [("rId1", "slideMaster", "../slideMasters/slideMaster1.xml")],
             "ppt/notesMasters/_rels/notesMaster1.xml.rels": [("rId1", "theme", "../theme/theme2.xml")]}
    for i, (title, blocks) in enumerate(slides, 1):
        parts.append((f"ppt/slides/slide{i}.xml", slide(title, blocks), PML + "slide+xml"))
        links["ppt/_rels/presentation.xml.rels"].append((f"rId{i + 2}", "slide", f"slides/slide{i}.xml"))
        own = [("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml")]
        notes = [b for b in blocks if b.kind == "comment"]
        if notes:
            own.append(("rId2", "notesSlide", f"../notesSlides/notesSlide{i}.xml"))
            text = "".join(paragraph(b.text) for b in notes)
            parts.append((f"ppt/notesSlides/notesSlide{i}.xml", f'{XML}<p:notes {NS}><p:cSld><p:spTree>{GROUP}'
                          f'{shape(2, "Notes", "body", text, 4400000, 4000000)}</p:spTree></p:cSld></p:notes>', PML + "notesSlide+xml"))
            links[f"ppt/notesSlides/_rels/notesSlide{i}.xml.rels"] = [("rId1", "notesMaster", "../notesMasters/notesMaster1.xml"), ("rId2", "slide", f"../slides/slide{i}.xml")]
        links[f"ppt/slides/_rels/slide{i}.xml.rels"] = own
    types = [("/" + n, t) for n, _, t in parts] + [("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml")]
    core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
    members = [("[Content_Types].xml", content_types(types)),
               ("_rels/.rels", relations([("rId1", "officeDocument", "ppt/presentation.xml"), ("rId2", core, "docProps/core.xml")])),
               ("docProps/core.xml", core_properties(source))]
    members += [(n, data) for n, data, _ in parts] + [(n, relations(items)) for n, items in links.items()]
    return make_zip(members, when=source.get("date", "2024-01-01"))
