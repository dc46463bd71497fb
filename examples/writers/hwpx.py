"""HWPX (KS X 6101, OWPML): outline headings, merged cells, footnotes, hidden comments, text boxes, running heads."""
from .blocks import pieces
from .package import XML, make_zip, x

NS = " ".join(f'xmlns:{p}="http://www.hancom.co.kr/{u}"' for p, u in [
    ("ha", "hwpml/2011/app"), ("hp", "hwpml/2011/paragraph"), ("hp10", "hwpml/2016/paragraph"), ("hs", "hwpml/2011/section"),
    ("hc", "hwpml/2011/core"), ("hh", "hwpml/2011/head"), ("hpf", "schema/2011/hpf")])
OPF = 'xmlns:opf="http://www.idpf.org/2007/opf/"'
TEXT_WIDTH = 42520  # HWPUNIT (1/7200 inch): A4 less the margins set below
SUBLIST = ('<hp:subList id="" textDirection="HORIZONTAL" lineWrap="BREAK" vertAlign="{align}" linkListIDRef="0" linkListNextIDRef="0" '
           'textWidth="0" textHeight="0" hasTextRef="0" hasNumRef="0">{inner}</hp:subList>')
SECTION = ('<hp:secPr id="" textDirection="HORIZONTAL" spaceColumns="1134" tabStop="8000" outlineShapeIDRef="1" memoShapeIDRef="0" '
           'textVerticalWidthHead="0" masterPageCnt="0"><hp:grid lineGrid="0" charGrid="0" wonggojiFormat="0"/>'
           '<hp:startNum pageStartsOn="BOTH" page="0" pic="0" tbl="0" equation="0"/><hp:visibility hideFirstHeader="0" hideFirstFooter="0" '
           'hideFirstMasterPage="0" border="SHOW_ALL" fill="SHOW_ALL" hideFirstPageNum="0" hideFirstEmptyLine="0" showLineNumber="0"/>'
           '<hp:pagePr landscape="WIDELY" width="59528" height="84188" gutterType="LEFT_ONLY"><hp:margin header="4252" footer="4252" gutter="0" '
           'left="8504" right="8504" top="5668" bottom="4252"/></hp:pagePr><hp:footNotePr><hp:autoNumFormat type="DIGIT" userChar="" prefixChar="" '
           'suffixChar=")" supscript="0"/><hp:noteLine length="-1" type="SOLID" width="0.12 mm" color="#000000"/><hp:noteSpacing betweenNotes="283" '
           'belowLine="567" aboveLine="850"/><hp:numbering type="CONTINUOUS" newNum="1"/><hp:placement place="EACH_COLUMN" beneathText="0"/>'
           '</hp:footNotePr></hp:secPr><hp:ctrl><hp:colPr id="" type="NEWSPAPER" layout="LEFT" colCount="1" sameSz="1" sameGap="0"/></hp:ctrl>')
# Paragraph and character shapes and styles by the same number: body, title, outline 1 to 3, caption.
SHAPES = [("바탕글", "Normal", 1000, None), ("제목", "Title", 1600, None), ("개요 1", "Outline 1", 1300, 0),
          ("개요 2", "Outline 2", 1150, 1), ("개요 3", "Outline 3", 1050, 2), ("캡션", "Caption", 900, None)]


def paragraph(inner, shape=0, page_break=0):
    return (f'<hp:p id="0" paraPrIDRef="{shape}" styleIDRef="{shape}" pageBreak="{page_break}" columnBreak="0" merged="0">'
            f'<hp:run charPrIDRef="{shape}">{inner}</hp:run></hp:p>')


def text(value):
    return f"<hp:t>{x(value)}</hp:t>"


class Body:
    def __init__(self, source):
        self.source, self.notes, self.objects = source, 0, 1000

    def runs(self, value):
        out = ""
        for part, note in pieces(value):
            if note is None:
                out += text(part)
                continue
            self.notes += 1
            number = (f'<hp:ctrl><hp:autoNum num="{self.notes}" numType="FOOTNOTE"><hp:autoNumFormat type="DIGIT" userChar="" prefixChar="" '
                      'suffixChar=")" supscript="0"/></hp:autoNum></hp:ctrl>')
            inner = SUBLIST.format(align="TOP", inner=paragraph(number + text(" " + self.source.notes[note])))
            out += f'<hp:ctrl><hp:footNote number="{self.notes}" suffixChar="41" instId="{2000 + self.notes}">{inner}</hp:footNote></hp:ctrl>'
        return out

    def placed(self, width, height):
        return (f'<hp:sz width="{width}" widthRelTo="ABSOLUTE" height="{height}" heightRelTo="ABSOLUTE" protect="0"/>'
                '<hp:pos treatAsChar="1" affectLSpacing="0" flowWithText="1" allowOverlap="0" holdAnchorAndSO="0" vertRelTo="PARA" '
                'horzRelTo="COLUMN" vertAlign="TOP" horzAlign="LEFT" vertOffset="0" horzOffset="0"/><hp:outMargin left="283" right="283" top="283" bottom="283"/>')

    def table(self, block):
        self.objects += 1
        rows, columns = len(block.rows), len(block.rows[0])
        width, height = TEXT_WIDTH // columns, 1500
        out = (f'<hp:tbl id="{self.objects}" zOrder="0" numberingType="TABLE" textWrap="TOP_AND_BOTTOM" textFlow="BOTH_SIDES" lock="0" '
               f'dropcapstyle="None" pageBreak="CELL" repeatHeader="1" rowCnt="{rows}" colCnt="{columns}" cellSpacing="0" borderFillIDRef="2" noAdjust="0">'
               + self.placed(TEXT_WIDTH, height * rows) + '<hp:inMargin left="510" right="510" top="141" bottom="141"/>')
        for r, row in enumerate(block.rows):
            out += "<hp:tr>"
            for c, cell in enumerate(row):
                if cell is None:
                    continue
                inner = SUBLIST.format(align="CENTER", inner="".join(paragraph(self.runs(line)) for line in cell.text.split("\n")))
                out += (f'<hp:tc name="" header="{int(r < block.header_rows)}" hasMargin="0" protect="0" editable="0" dirty="0" borderFillIDRef="2">{inner}'
                        f'<hp:cellAddr colAddr="{c}" rowAddr="{r}"/><hp:cellSpan colSpan="{cell.columns}" rowSpan="{cell.rows}"/>'
                        f'<hp:cellSz width="{width * cell.columns}" height="{height * cell.rows}"/><hp:cellMargin left="510" right="510" top="141" bottom="141"/></hp:tc>')
            out += "</hp:tr>"
        return paragraph(out + "</hp:tbl><hp:t/>")

    def box(self, value):
        self.objects += 1
        width, height = 34000, 4200
        inner = SUBLIST.format(align="CENTER", inner=paragraph(text(value)))
        matrices = "".join(f'<hc:{m}Matrix e1="1" e2="0" e3="0" e4="0" e5="1" e6="0"/>' for m in ("trans", "sca", "rot"))
        corners = "".join(f'<hc:pt{i} x="{px}" y="{py}"/>' for i, (px, py) in enumerate([(0, 0), (width, 0), (width, height), (0, height)]))
        return paragraph(
            f'<hp:rect id="{self.objects}" zOrder="1" numberingType="PICTURE" textWrap="TOP_AND_BOTTOM" textFlow="BOTH_SIDES" lock="0" dropcapstyle="None" '
            f'href="" groupLevel="0" instid="{self.objects}" ratio="0"><hp:offset x="0" y="0"/><hp:orgSz width="{width}" height="{height}"/>'
            f'<hp:curSz width="{width}" height="{height}"/><hp:flip horizontal="0" vertical="0"/><hp:rotationInfo angle="0" centerX="{width // 2}" '
            f'centerY="{height // 2}" rotateimage="1"/><hp:renderingInfo>{matrices}</hp:renderingInfo><hp:lineShape color="#000000" width="33" style="SOLID" '
            'endCap="FLAT" headStyle="NORMAL" tailStyle="NORMAL" headfill="1" tailfill="1" headSz="MEDIUM_MEDIUM" tailSz="MEDIUM_MEDIUM" outlineStyle="NORMAL" alpha="0"/>'
            f'<hp:drawText lastWidth="{width}" name="" editable="0">{inner}<hp:textMargin left="283" right="283" top="283" bottom="283"/></hp:drawText>'
            f'{corners}{self.placed(width, height)}</hp:rect><hp:t/>')

    def hidden_comment(self, comment):
        note = SUBLIST.format(align="TOP", inner=paragraph(text(f"{comment.author}: {comment.text}")))
        return f"<hp:ctrl><hp:hiddenComment>{note}</hp:hiddenComment></hp:ctrl>"

    def block(self, block, comment, page_break):
        if block.kind in ("table", "box"):
            after = paragraph(self.hidden_comment(comment)) if comment else ""
            return (self.table(block) if block.kind == "table" else self.box(block.text)) + after
        inner = self.runs(("• " if block.level == 1 else "  - ") + block.text if block.kind == "item" else block.text)
        if comment:
            inner += self.hidden_comment(comment)
        shape = {"heading": block.level, "caption": 5}.get(block.kind, 0)
        return paragraph(inner, shape, page_break)


def running(source):
    out = ""
    for number, (name, align) in enumerate([("header", "TOP"), ("footer", "BOTTOM")], 1):
        if source.get(name):
            inner = SUBLIST.format(align=align, inner=paragraph(text(source.get(name)), 5))
            out += f'<hp:ctrl><hp:{name} id="{number}" applyPageType="BOTH">{inner}</hp:{name}></hp:ctrl>'
    return out


def section(source):
    body, out, page_break = Body(source), paragraph(SECTION + running(source)), 0
    for number, block in enumerate(source.blocks):
        if block.kind == "break":
            page_break = 1
        if block.kind in ("comment", "break"):
            continue
        following = source.blocks[number + 1] if number + 1 < len(source.blocks) else None
        out += body.block(block, following if following and following.kind == "comment" else None, page_break)
        page_break = 0
    return f"{XML}<hs:sec {NS}>{out}</hs:sec>"


def head():
    languages = ("HANGUL", "LATIN", "HANJA", "JAPANESE", "OTHER", "SYMBOL", "USER")
    fonts = "".join(f'<hh:fontface lang="{n}" fontCnt="1"><hh:font id="0" face="함초롬바탕" type="TTF" isEmbedded="0"/></hh:fontface>' for n in languages)
    each = {v: " ".join(f'{n.lower()}="{v}"' for n in languages) for v in (0, 100)}
    sides = ("left", "right", "top", "bottom")
    borders = "".join(
        f'<hh:borderFill id="{i}" threeD="0" shadow="0" centerLine="NONE" breakCellSeparateLine="0"><hh:slash type="NONE" Crooked="0" isCounter="0"/>'
        '<hh:backSlash type="NONE" Crooked="0" isCounter="0"/>' + "".join(f'<hh:{s}Border type="{kind}" width="0.12 mm" color="#000000"/>' for s in sides)
        + "</hh:borderFill>" for i, kind in ((1, "NONE"), (2, "SOLID")))
    characters = "".join(
        f'<hh:charPr id="{i}" height="{s[2]}" textColor="#000000" shadeColor="none" useFontSpace="0" useKerning="0" symMark="NONE" borderFillIDRef="1">'
        f'<hh:fontRef {each[0]}/><hh:ratio {each[100]}/><hh:spacing {each[0]}/><hh:relSz {each[100]}/><hh:offset {each[0]}/>'
        + ("<hh:bold/>" if s[2] > 1000 else "") + "</hh:charPr>" for i, s in enumerate(SHAPES))
    paragraphs = "".join(
        f'<hh:paraPr id="{i}" tabPrIDRef="0" condense="0" fontLineHeight="0" snapToGrid="1" suppressLineNumbers="0" checked="0">'
        '<hh:align horizontal="JUSTIFY" vertical="BASELINE"/>'
        + (f'<hh:heading type="OUTLINE" idRef="0" level="{s[3]}"/>' if s[3] is not None else '<hh:heading type="NONE" idRef="0" level="0"/>')
        + '<hh:breakSetting breakLatinWord="KEEP_WORD" breakNonLatinWord="KEEP_WORD" widowOrphan="0" keepWithNext="0" keepLines="0" pageBreakBefore="0" lineWrap="BREAK"/>'
        '<hh:margin><hc:intent value="0" unit="HWPUNIT"/><hc:left value="0" unit="HWPUNIT"/><hc:right value="0" unit="HWPUNIT"/><hc:prev value="0" unit="HWPUNIT"/>'
        '<hc:next value="0" unit="HWPUNIT"/></hh:margin><hh:lineSpacing type="PERCENT" value="160" unit="HWPUNIT"/></hh:paraPr>' for i, s in enumerate(SHAPES))
    styles = "".join(f'<hh:style id="{i}" type="PARA" name="{s[0]}" engName="{s[1]}" paraPrIDRef="{i}" charPrIDRef="{i}" nextStyleIDRef="0" langID="1042" lockForm="0"/>'
                     for i, s in enumerate(SHAPES))
    levels = "".join(f'<hh:paraHead start="1" level="{i}" align="LEFT" useInstWidth="1" autoIndent="1" widthAdjust="0" textOffsetType="PERCENT" textOffset="50" '
                     'numFormat="DIGIT" charPrIDRef="4294967295" checkable="0"></hh:paraHead>' for i in range(1, 8))
    count = len(SHAPES)
    return (f'{XML}<hh:head {NS} version="1.4" secCnt="1"><hh:beginNum page="1" footnote="1" endnote="1" pic="1" tbl="1" equation="1"/><hh:refList>'
            f'<hh:fontfaces itemCnt="7">{fonts}</hh:fontfaces><hh:borderFills itemCnt="2">{borders}</hh:borderFills>'
            f'<hh:charProperties itemCnt="{count}">{characters}</hh:charProperties><hh:tabProperties itemCnt="1"><hh:tabPr id="0" autoTabLeft="0" autoTabRight="0"/></hh:tabProperties>'
            f'<hh:numberings itemCnt="1"><hh:numbering id="1" start="0">{levels}</hh:numbering></hh:numberings>'
            f'<hh:paraProperties itemCnt="{count}">{paragraphs}</hh:paraProperties><hh:styles itemCnt="{count}">{styles}</hh:styles></hh:refList>'
            '<hh:compatibleDocument targetProgram="HWP201X"><hh:layoutCompatibility/></hh:compatibleDocument></hh:head>')


def write(source):
    when = source.get("date", "2024-01-01")[:10]
    preview = "\r\n".join(b.text for b in source.blocks[:4] if b.text)
    metadata = "".join(f'<opf:meta name="{n}" content="text">{x(v)}</opf:meta>' for n, v in [
        ("creator", source.get("author")), ("lastsaveby", source.get("author")),
        ("CreatedDate", when + "T00:00:00Z"), ("ModifiedDate", when + "T00:00:00Z")])
    items = [("header", "Contents/header.xml"), ("section0", "Contents/section0.xml"), ("settings", "settings.xml")]
    manifest = "".join(f'<opf:item id="{i}" href="{h}" media-type="application/xml"/>' for i, h in items)
    members = [
        ("mimetype", "application/hwp+zip"),
        ("version.xml", f'{XML}<hv:HCFVersion xmlns:hv="http://www.hancom.co.kr/hwpml/2011/version" tagetApplication="WORDPROCESSOR" major="5" minor="0" '
         'micro="5" buildNumber="0" os="1" xmlVersion="1.4" application="sillok examples" appVersion="1"/>'),
        ("Contents/header.xml", head()), ("Contents/section0.xml", section(source)), ("Preview/PrvText.txt", preview),
        ("settings.xml", f'{XML}<ha:HWPApplicationSetting {NS}><ha:CaretPosition listIDRef="0" paraIDRef="0" pos="0"/></ha:HWPApplicationSetting>'),
        ("META-INF/container.xml", f'{XML}<ocf:container xmlns:ocf="urn:oasis:names:tc:opendocument:xmlns:container" {NS.split(" ")[-1]}><ocf:rootfiles>'
         '<ocf:rootfile full-path="Contents/content.hpf" media-type="application/hwpml-package+xml"/>'
         '<ocf:rootfile full-path="Preview/PrvText.txt" media-type="text/plain"/></ocf:rootfiles></ocf:container>'),
        ("Contents/content.hpf", f'{XML}<opf:package {OPF} {NS} version="" unique-identifier="" id=""><opf:metadata><opf:title>{x(source.get("title"))}</opf:title>'
         f'<opf:language>ko</opf:language>{metadata}</opf:metadata><opf:manifest>{manifest}</opf:manifest>'
         '<opf:spine><opf:itemref idref="header"/><opf:itemref idref="section0"/></opf:spine></opf:package>'),
        ("META-INF/manifest.xml", f'{XML}<odf:manifest xmlns:odf="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>')]
    return make_zip(members, stored=("mimetype",), when=when)
