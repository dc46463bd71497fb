"""ZIP packages whose bytes depend on their content alone."""
import io
import zipfile
from xml.sax.saxutils import escape, quoteattr

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def x(text):
    return escape(text)


def q(text):
    return quoteattr(text)


def make_zip(members, stored=(), when="2024-01-01"):
    """members: [(name, bytes or str)] in order; those named in `stored` are not compressed."""
    year, month, day = (int(part) for part in when[:10].split("-"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in members:
            info = zipfile.ZipInfo(name, (year, month, day, 9, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            info.create_system = 0
            info.external_attr = 0
            package.writestr(info, data, compresslevel=9)
    return out.getvalue()


def relations(items):
    """items: [(id, type's last part or a full URL, target)]"""
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    rows = "".join(
        f'<Relationship Id="{i}" Type="{t if "://" in t else base + t}" Target="{target}"/>' for i, t, target in items)
    return XML + f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def content_types(overrides, defaults=()):
    rows = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    rows += '<Default Extension="xml" ContentType="application/xml"/>'
    rows += "".join(f'<Default Extension="{e}" ContentType="{t}"/>' for e, t in defaults)
    rows += "".join(f'<Override PartName="{p}" ContentType="{t}"/>' for p, t in overrides)
    return XML + f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{rows}</Types>'


def core_properties(source):
    when = source.get("date", "2024-01-01")[:10] + "T00:00:00Z"
    return (XML + '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f'<dc:title>{x(source.get("title"))}</dc:title><dc:creator>{x(source.get("author"))}</dc:creator>'
            f'<dcterms:created xsi:type="dcterms:W3CDTF">{when}</dcterms:created>'
            f'<dcterms:modified xsi:type="dcterms:W3CDTF">{when}</dcterms:modified></cp:coreProperties>')
