// Mail: EML, Apple's EMLX, and mbox. GMime takes the message apart; headers and charsets are
// decoded by us, because the mails that offices keep are often wrong about both.
//
// A message is one document (headers, then the body); its attachments and the messages within it
// are items of their own whose parent it is.
#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <set>

#include "documents/mail_headers.h"
#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr int kMaxMimeDepth = 64;  // multiparts within multiparts; honest mail stays below ten
constexpr std::string_view kBodyPart = "message body";
// A plain-text alternative this much shorter than the HTML only says "your program cannot show
// HTML".
constexpr size_t kStubRatio = 4, kStubSlackBytes = 400;

template <typename T>
struct Unref {
  void operator()(T* object) const { g_object_unref(object); }
};
template <typename T>
using Owned = std::unique_ptr<T, Unref<T>>;

void init_gmime() {
  static const bool once = (g_mime_init(), true);
  (void)once;
}

std::string raw_header(GMimeObject* object, const char* name) {
  GMimeHeader* header = g_mime_header_list_get_header(g_mime_object_get_header_list(object), name);
  const char* raw = header == nullptr ? nullptr : g_mime_header_get_raw_value(header);
  return raw == nullptr ? "" : std::string(trim(raw));
}

std::string header(GMimeObject* object, const char* name) {
  return decode_header(raw_header(object, name));
}

std::string stream_bytes(GMimeStream* stream) {
  GByteArray* array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
  return array == nullptr ? ""
                          : std::string(reinterpret_cast<const char*>(array->data), array->len);
}

std::string content_of(GMimePart* part) {
  GMimeDataWrapper* content = g_mime_part_get_content(part);
  if (content == nullptr) return "";
  const Owned<GMimeStream> memory(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(content, memory.get());
  return stream_bytes(memory.get());
}

// The message as it would be sent.
std::string written(GMimeMessage* message) {
  const Owned<GMimeStream> memory(g_mime_stream_mem_new());
  g_mime_object_write_to_stream(GMIME_OBJECT(message), nullptr, memory.get());
  return stream_bytes(memory.get());
}

// Message identifiers in a header, without their angle brackets.
std::vector<std::string> message_ids(std::string_view text) {
  std::vector<std::string> ids;
  for (size_t begin = 0; (begin = text.find('<', begin)) != std::string_view::npos;) {
    const size_t end = text.find('>', begin);
    if (end == std::string_view::npos) break;
    if (end > begin + 1) ids.emplace_back(text.substr(begin + 1, end - begin - 1));
    begin = end;
  }
  if (ids.empty() && !trim(text).empty() && text.find(' ') == std::string_view::npos)
    ids.emplace_back(trim(text));
  return ids;
}

std::string without_slashes(std::string text) {
  std::replace(text.begin(), text.end(), '/', '_');
  std::replace(text.begin(), text.end(), '\\', '_');
  return text;
}

// RFC 3676: lines that end in a space go on in the next.
std::string unflow(std::string_view text) {
  std::string out;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    out += line;
    if (!line.ends_with(' ') || line == "-- ") out += '\n';
  }
  return out;
}

class MessageReader {
 public:
  MessageReader(const Source& source, Budget& budget, const ItemSink& sink)
      : source_(source), budget_(budget), sink_(sink) {}

  Status read(GMimeMessage* message) {
    GMimeObject* object = GMIME_OBJECT(message);
    document_.meta.format = "eml";
    read_headers(object);
    if (GMimeObject* body = g_mime_message_get_mime_part(message)) walk(body, 0);
    const std::string part = source_.part;
    finish(document_, source_);
    sink_(Item{part, source_.parent, std::move(document_)});
    for (Attachment& attachment : attachments_) SILLOK_TRY(give(std::move(attachment)));
    return {};
  }

 private:
  struct Attachment {
    std::string name, bytes;
    Error error;  // instead of bytes, if `refused`
    bool refused = false;
    GMimeMessage* message = nullptr;  // borrowed from the outer message
  };

  void read_headers(GMimeObject* object) {
    Metadata& meta = document_.meta;
    meta.title = header(object, "Subject");
    meta.author = header(object, "From");
    const auto ids = message_ids(raw_header(object, "Message-ID"));
    if (!ids.empty()) meta.message_id = meta.identity = clean_utf8(ids[0]);
    const auto replied = message_ids(raw_header(object, "In-Reply-To"));
    if (!replied.empty()) meta.in_reply_to = clean_utf8(replied[0]);
    for (const std::string& id : message_ids(raw_header(object, "References")))
      meta.references.push_back(clean_utf8(id));
    for (const char* name :
         {"To", "Cc", "Bcc", "Reply-To", "Sender", "Organization", "Importance"}) {
      std::string value = header(object, name);
      if (!value.empty()) meta.other[name] = std::move(value);
    }
    const std::string date = header(object, "Date");
    GDateTime* time = date.empty() ? nullptr : g_mime_utils_header_decode_date(date.c_str());
    if (time != nullptr) {
      // In the sender's own zone: the day that people remember.
      gchar* text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S%:z");
      if (text != nullptr) meta.created = text;
      g_free(text);
      g_date_time_unref(time);
      if (const auto day = parse_day(meta.created)) meta.effective_from = format_day(*day);
    }
    Block block;
    block.anchor.part = "message header";
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"From", meta.author},
                                      {"To", header(object, "To")},
                                      {"Cc", header(object, "Cc")},
                                      {"Date", date},
                                      {"Subject", meta.title}}) {
      if (!value.empty()) block.text += (block.text.empty() ? "" : "\n") + name + ": " + value;
    }
    document_.blocks.push_back(std::move(block));
  }

  void walk(GMimeObject* object, int depth) {
    const HeaderValue type = parse_header_value(raw_header(object, "Content-Type"));
    if (depth > kMaxMimeDepth)
      return refuse("message", ErrorCode::kLimit,
                    "parts are nested more than " + std::to_string(kMaxMimeDepth) + " deep");
    if (GMIME_IS_MULTIPART(object)) return walk_multipart(GMIME_MULTIPART(object), type, depth);
    if (GMIME_IS_MESSAGE_PART(object)) {
      GMimeMessage* inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
      if (inner == nullptr) return;
      Attachment attachment;
      attachment.name = unique(header(GMIME_OBJECT(inner), "Subject"), "message");
      attachment.message = inner;
      attachments_.push_back(std::move(attachment));
      return;
    }
    if (GMIME_IS_MESSAGE_PARTIAL(object))
      return refuse("message part", ErrorCode::kUnsupported,
                    "a piece of a mail that was sent in several; join them first");
    if (GMIME_IS_PART(object)) walk_part(GMIME_PART(object), type);
  }

  void walk_multipart(GMimeMultipart* multipart, const HeaderValue& type, int depth) {
    const int count = g_mime_multipart_get_count(multipart);
    if (type.value == "multipart/encrypted") {
      return refuse("encrypted message", ErrorCode::kProtected,
                    "the mail is encrypted; save it decrypted and add it again");
    }
    if (type.value == "multipart/alternative") return walk_alternative(multipart, depth);
    for (int i = 0; i < count; ++i) {
      GMimeObject* child = g_mime_multipart_get_part(multipart, i);
      const std::string kind = parse_header_value(raw_header(child, "Content-Type")).value;
      // A signature signs; it says nothing. Its presence is kept.
      if (kind == "application/pgp-signature" || kind == "application/pkcs7-signature" ||
          kind == "application/x-pkcs7-signature") {
        document_.meta.other["signature"] = kind;
        continue;
      }
      walk(child, depth + 1);
    }
  }

  static std::string leaf_kind(GMimeObject* object) {
    if (!GMIME_IS_PART(object)) return "";
    return parse_header_value(raw_header(object, "Content-Type")).value;
  }

  // The plain text, unless it is a stub; the HTML otherwise. Alternatives that are neither are read
  // as well.
  void walk_alternative(GMimeMultipart* multipart, int depth) {
    const int count = g_mime_multipart_get_count(multipart);
    GMimeObject *plain = nullptr, *rich = nullptr;
    for (int i = 0; i < count; ++i) {
      GMimeObject* child = g_mime_multipart_get_part(multipart, i);
      const std::string kind = leaf_kind(child);
      if (kind == "text/plain" && plain == nullptr)
        plain = child;
      else if (kind == "text/html" || GMIME_IS_MULTIPART(child))
        rich = child;
      else
        walk(child, depth + 1);
    }
    const std::string text = plain == nullptr ? "" : content_of(GMIME_PART(plain));
    const size_t rich_bytes =
        rich != nullptr && GMIME_IS_PART(rich) ? visible_bytes(content_of(GMIME_PART(rich))) : 0;
    const bool stub = trim(text).empty() || rich_bytes > text.size() * kStubRatio + kStubSlackBytes;
    if (plain != nullptr && (!stub || rich == nullptr)) walk(plain, depth + 1);
    // Pictures and files may hang on the HTML part though the text is taken from the other.
    if (rich != nullptr && (stub || GMIME_IS_MULTIPART(rich))) {
      skip_html_ = plain != nullptr && !stub;
      walk(rich, depth + 1);
      skip_html_ = false;
    }
  }

  // About how much text HTML shows: what is outside tags, styles and scripts.
  static size_t visible_bytes(std::string_view html) {
    size_t visible = 0;
    for (size_t i = 0; i < html.size(); ++i) {
      if (html[i] == '<') {
        const std::string_view rest = html.substr(i);
        const char* close = starts_with_nocase(rest, "<style")    ? "</style"
                            : starts_with_nocase(rest, "<script") ? "</script"
                                                                  : ">";
        const size_t end = rest.find(close);
        if (end == std::string_view::npos) break;
        i += end;
        continue;
      }
      visible += html[i] > ' ' || (html[i] & 0x80) != 0;
    }
    return visible;
  }

  void walk_part(GMimePart* part, const HeaderValue& type) {
    GMimeObject* object = GMIME_OBJECT(part);
    const HeaderValue disposition = parse_header_value(raw_header(object, "Content-Disposition"));
    std::string name = disposition.get("filename");
    if (name.empty()) name = type.get("name");
    std::string bytes = content_of(part);
    if (auto charged = budget_.charge(bytes.size()); !charged)
      return refuse(name, charged.error().code, charged.error().message);
    if (type.value == "application/pkcs7-mime" || type.value == "application/x-pkcs7-mime") {
      const bool readable = type.get("smime-type") == "signed-data";
      return readable
                 ? refuse(name, ErrorCode::kUnsupported,
                          "an opaque-signed S/MIME mail is not read; save it without its signature")
                 : refuse(name, ErrorCode::kProtected,
                          "the mail is encrypted (S/MIME); save it decrypted and add it again");
    }
    const bool text = type.value.empty() || type.value == "text" || type.value.starts_with("text/");
    const bool body =
        text && name.empty() && disposition.value != "attachment" && type.value != "text/calendar";
    if (body) return add_body(bytes, type);
    if (bytes.empty()) return refuse(name, ErrorCode::kInvalid, "the attachment is empty");
    // The charset is only said here: once taken out, the file would have to be guessed at.
    if (text && !type.get("charset").empty()) bytes = decode_text(bytes, type.get("charset"));
    Attachment attachment;
    attachment.name = unique(name, type.value.empty() ? "attachment" : without_slashes(type.value));
    attachment.bytes = std::move(bytes);
    attachments_.push_back(std::move(attachment));
  }

  void add_body(const std::string& bytes, const HeaderValue& type) {
    const std::string text = decode_text(bytes, type.get("charset"));
    if (trim(text).empty()) return;
    if (type.value != "text/html") {
      const bool flowed = ascii_lower(type.get("format")) == "flowed";
      return add_blocks(blocks_of_text(flowed ? unflow(text) : text, 1), {});
    }
    if (skip_html_) return;
    auto html =
        read_html(Source{text, "body.html", source_.part, source_.parent, source_.depth}, budget_);
    if (!html) return refuse("message body", html.error().code, html.error().message);
    add_blocks(std::move(html->blocks), std::move(html->links));
  }

  void add_blocks(std::vector<Block> blocks, std::vector<Hyperlink> links) {
    const auto first = static_cast<uint32_t>(document_.blocks.size());
    for (Block& block : blocks) {
      block.anchor.part = block.anchor.part.empty()
                              ? std::string(kBodyPart)
                              : std::string(kBodyPart) + ", " + block.anchor.part;
      document_.blocks.push_back(std::move(block));
    }
    for (Hyperlink& link : links) {
      link.block += first;
      document_.links.push_back(std::move(link));
    }
  }

  std::string unique(const std::string& wanted, const std::string& fallback) {
    // Cleaned before it is compared: two names that differ in bytes that are no text are one.
    std::string base = without_slashes(clean_utf8(wanted.empty() ? fallback : wanted)), name = base;
    for (int n = 2; !names_.insert(name).second; ++n) name = base + " (" + std::to_string(n) + ")";
    return name;
  }

  void refuse(const std::string& name, ErrorCode code, std::string message) {
    Attachment attachment;
    attachment.name = unique(name, "attachment");
    attachment.refused = true;
    attachment.error = Error{code, std::move(message)};
    attachments_.push_back(std::move(attachment));
  }

  Status give(Attachment attachment) {
    const std::string part =
        source_.part.empty() ? attachment.name : source_.part + "/" + attachment.name;
    if (attachment.refused) {
      sink_(Item{part, source_.part, fail(attachment.error)});
      return {};
    }
    const Source source{attachment.bytes, attachment.name, part, source_.part, source_.depth + 1};
    if (attachment.message == nullptr) return read_source(source, budget_, sink_);
    if (budget_.passes_over(part)) return {};
    if (budget_.take(part, written(attachment.message))) return {};
    SILLOK_TRY(budget_.count_item());
    if (source.depth > budget_.limits().depth) {
      sink_(Item{part, source_.part,
                 fail(ErrorCode::kLimit, "messages are nested more than " +
                                             std::to_string(budget_.limits().depth) + " deep")});
      return {};
    }
    return MessageReader(source, budget_, sink_).read(attachment.message);
  }

  Source source_;
  Budget& budget_;
  const ItemSink& sink_;
  Document document_;
  std::vector<Attachment> attachments_;
  std::set<std::string> names_;
  bool skip_html_ = false;  // within the alternative whose text has been taken already
};

Owned<GMimeMessage> parse_message(std::string_view bytes) {
  init_gmime();
  const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(bytes.data(), bytes.size()));
  const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  return Owned<GMimeMessage>(g_mime_parser_construct_message(parser.get(), nullptr));
}

Status read_message(std::string_view bytes, const Source& source, Budget& budget,
                    const ItemSink& sink) {
  const Owned<GMimeMessage> message = parse_message(bytes);
  if (!message) return fail(ErrorCode::kInvalid, "is not a mail message: it has no header");
  return MessageReader(source, budget, sink).read(message.get());
}

// "From " at the start of a line after an empty one (or at the start), followed by an address and a
// date.
bool is_separator(std::string_view text, size_t at) {
  if (text.substr(at, 5) != "From ") return false;
  const std::string_view line = text.substr(at, text.find('\n', at) - at);
  const auto colons = std::count(line.begin(), line.end(), ':');
  const size_t year = line.find_last_of("0123456789");
  return colons >= 1 && line.size() < 400 && year != std::string_view::npos &&
         line.find(' ', 5) != std::string_view::npos;
}

size_t next_separator(std::string_view text, size_t from) {
  for (size_t at = from; (at = text.find("\nFrom ", at)) != std::string_view::npos; ++at) {
    const bool after_blank =
        at == 0 || text[at - 1] == '\n' || text.substr(0, at).ends_with("\n\r");
    // Some programs leave out the empty line: then headers must follow at once.
    if (is_separator(text, at + 1)) {
      if (after_blank) return at + 1;
      const size_t next = text.find('\n', at + 1);
      const std::string_view line =
          next == std::string_view::npos ? std::string_view() : text.substr(next + 1, 60);
      const size_t colon = line.find(':');
      if (colon != std::string_view::npos &&
          line.substr(0, colon).find_first_of(" \t\n") == std::string_view::npos)
        return at + 1;
    }
  }
  return text.size();
}

// Takes one '>' from lines ">From ", ">>From ": mboxrd's quoting of what would look like a
// separator.
std::string unquote_from(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  while (!message.empty()) {
    const size_t end = std::min(message.find('\n'), message.size() - 1) + 1;
    const std::string_view line = message.substr(0, end);
    const size_t quotes = std::min(line.find_first_not_of('>'), line.size());
    out += quotes > 0 && line.substr(quotes).starts_with("From ") ? line.substr(1) : line;
    message.remove_prefix(end);
  }
  return out;
}

}  // namespace

Status read_eml(const Source& source, Budget& budget, const ItemSink& sink) {
  std::string_view bytes = source.bytes;
  while (!bytes.empty() && (bytes[0] == '\n' || bytes[0] == '\r')) bytes.remove_prefix(1);
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  // EMLX: the message's size, the message, then a property list.
  const size_t line = bytes.find('\n');
  if (line != std::string_view::npos && line < 20 &&
      trim(bytes.substr(0, line)).find_first_not_of("0123456789") == std::string_view::npos) {
    const auto size =
        static_cast<size_t>(std::strtoull(std::string(bytes.substr(0, line)).c_str(), nullptr, 10));
    bytes = bytes.substr(line + 1, size > 0 ? size : std::string_view::npos);
  }
  return read_message(bytes, source, budget, sink);
}

Status read_mbox(const Source& source, Budget& budget, const ItemSink& sink) {
  const std::string prefix = source.part.empty() ? "" : source.part + "/";
  std::set<std::string> names;
  size_t number = 0;
  for (size_t begin = 0; begin < source.bytes.size();) {
    const size_t end = next_separator(source.bytes, begin);
    const std::string_view piece = source.bytes.substr(begin, end - begin);
    begin = end;
    const size_t first_line = piece.find('\n');
    if (first_line == std::string_view::npos) continue;
    const std::string message = unquote_from(piece.substr(first_line + 1));
    SILLOK_TRY(budget.count_item());
    ++number;
    Source inner{message, source.name, "", source.part, source.depth + 1};
    std::string name = "message " + std::to_string(number);
    // The message's own identity outlives its place in the mailbox.
    if (const auto parsed = parse_message(message)) {
      const auto ids = message_ids(raw_header(GMIME_OBJECT(parsed.get()), "Message-ID"));
      if (!ids.empty() && names.insert(ids[0]).second) name = without_slashes(clean_utf8(ids[0]));
      inner.part = prefix + name;
      if (budget.passes_over(inner.part)) continue;
      if (budget.take(inner.part, message)) continue;
      SILLOK_TRY(MessageReader(inner, budget, sink).read(parsed.get()));
      continue;
    }
    sink(Item{prefix + name, source.part,
              fail(ErrorCode::kInvalid, "message " + std::to_string(number) + " has no header")});
  }
  if (number == 0) return fail(ErrorCode::kInvalid, "the mailbox holds no message");
  return {};
}

}  // namespace sillok::documents
