"""Text formats, HTML, mail and ZIP."""
import email.message
import email.policy
import mimetypes
import re

from .blocks import bare
from .package import make_zip, x

MIME = {"hwpx": "application/hwp+zip", "md": "text/markdown"}


def write_text(source):
    charset = source.get("charset", "utf-8")
    body = source.body.strip("\n") + "\n"
    if charset == "cp949":
        return body.replace("\n", "\r\n").encode("cp949")
    if charset == "utf-16":
        return ("\ufeff" + body).encode("utf-16-le")
    return body.encode(charset)


def html_text(text):
    return re.sub(r"\[([^\]]+)\]\((\S+?)\)", r'<a href="\2">\1</a>', x(bare(text)))


def html_table(block):
    out = "<table>\n"
    for number, row in enumerate(block.rows):
        tag = "th" if number < block.header_rows else "td"
        out += "<tr>"
        for cell in row:
            if cell:
                spans = (f' rowspan="{cell.rows}"' if cell.rows > 1 else "") + (f' colspan="{cell.columns}"' if cell.columns > 1 else "")
                out += f"<{tag}{spans}>{html_text(cell.text)}</{tag}>"
        out += "</tr>\n"
    return out + "</table>\n"


def write_html(source):
    out, depth = "", 0
    for block in source.blocks:
        level = block.level if block.kind == "item" else 0
        out += "<ul>\n" * max(level - depth, 0) + "</ul>\n" * max(depth - level, 0)
        depth = level
        if block.kind == "table":
            out += html_table(block)
        elif block.kind == "heading":
            out += f"<h{block.level}>{html_text(block.text)}</h{block.level}>\n"
        elif block.kind == "item":
            out += f"<li>{html_text(block.text)}</li>\n"
        elif block.kind == "box":
            out += f"<aside>{html_text(block.text)}</aside>\n"
        else:
            out += f"<p>{html_text(block.text)}</p>\n"
    out += "</ul>\n" * depth
    language = source.get("language", "ko")
    page = (f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="{source.get("charset", "utf-8")}">\n<title>{x(source.get("title"))}</title>\n'
            f'<meta name="author" content="{x(source.get("author"))}">\n<style>td,th{{border:1px solid}}</style>\n</head>\n<body>\n'
            f'<header>{x(source.get("header"))}</header>\n<main>\n{out}</main>\n<footer>{x(source.get("footer"))}</footer>\n</body>\n</html>\n')
    return page.encode(source.get("charset", "utf-8"))


def message(text, number, attachment):
    """One mail from "Name: value" lines, an empty line and the body; attachment(stem) gives (name, bytes)."""
    head, body = text.strip("\n").split("\n\n", 1)
    policy = email.policy.SMTP.clone(linesep="\n")
    mail, attached, charset = email.message.EmailMessage(policy), [], "utf-8"
    for line in head.split("\n"):
        name, value = line.split(": ", 1)
        if name == "Attach":
            attached.append(attachment(value))
        elif name == "Charset":
            charset = value
        else:
            mail[name] = value
    mail.set_content(body + "\n", charset=charset, cte="base64" if charset == "utf-8" else "8bit")
    for name, data in attached:
        kind = MIME.get(name.rsplit(".", 1)[1]) or mimetypes.guess_type(name, strict=True)[0] or "application/octet-stream"
        main, sub = kind.split("/")
        mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
    if attached:
        mail.set_boundary(f"==part-{number}-{re.sub(r'[^a-z0-9]', '', mail['Message-ID'].lower())[:30]}==")
    return mail


def write_eml(source, attachment):
    return message(source.body, 0, attachment).as_bytes()


def messages(source):
    return re.split(r"(?m)^={5,}\n", source.body)


def write_mbox(source, attachment):
    out = b""
    for number, text in enumerate(messages(source)):
        mail = message(text, number, attachment)
        sender = re.search(r"<([^>]+)>", mail["From"]).group(1)
        when = mail["Date"].datetime
        data = re.sub(rb"(?m)^(>*From )", rb">\1", mail.as_bytes())
        out += f"From {sender} {when.strftime('%a %b %d %H:%M:%S %Y')}\n".encode() + data + b"\n"
    return out


def write_zip(source, attachment):
    members = [attachment(stem) for stem in source.fields["member"]]
    return make_zip(members, when=source.get("date", "2024-01-01"))
