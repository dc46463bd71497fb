// Which label a version takes, and how people change it.
//
// A label starts as that given with add, or the source's own, or the default, and only rises: by folder rules, by markings
// in the document, by the container it came in, by what people decided for the record.
#include <algorithm>

#include "archive/erasure.h"
#include "archive/state.h"

namespace sillok::archive {
namespace {

using documents::Block;
using documents::BlockKind;

constexpr size_t kHeadBlocks = 12;       // where markings stand: the first blocks with text
constexpr size_t kMarkingLine = 200;     // bytes; a longer line is a sentence, not a marking
constexpr size_t kMaxReason = 500;       // code points
constexpr size_t kMaxProposals = 10'000; // listed

// What frames a marking: "【 대 외 비 】", "< 비밀 >", "- 3급비밀 -", "※ 대외비".
bool is_frame(char32_t c) {
  constexpr std::u32string_view kFrames = U"()[]{}<>【】〔〕「」『』《》〈〉｛｝-–—=*·•■□●○▣◎※~_|:/.\"'“”‘’";
  return kFrames.find(c) != kFrames.npos;
}

std::u32string framed_off(std::u32string_view text) {
  while (!text.empty() && is_frame(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_frame(text.back())) text.remove_suffix(1);
  return std::u32string(text);
}

// Whether the line is the marking, framed or not, or begins or ends with it in brackets: "[대외비] 2024년 계획".
bool is_marked(std::string_view line, std::string_view marking) {
  const std::u32string text = to_utf32(govern::marking_key(line)), wanted = to_utf32(marking);
  if (framed_off(text) == framed_off(wanted)) return true;
  for (size_t at = text.find(wanted); at != text.npos; at = text.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    if (at == 0 || end >= text.size()) continue;
    constexpr std::u32string_view kOpen = U"([{<【〔「『《〈", kClose = U")]}>】〕」』》〉";
    const size_t bracket = kOpen.find(text[at - 1]);
    if (bracket != kOpen.npos && text[end] == kClose[bracket] && (at == 1 || end + 1 == text.size())) return true;
  }
  return false;
}

void each_line(const Block& block, const std::function<void(std::string_view)>& visit) {
  for (const std::string_view line : split(block.text, '\n')) {
    if (!trim(line).empty() && line.size() <= kMarkingLine) visit(line);
  }
  for (const documents::Row& row : block.table.rows) {
    for (const documents::Cell& cell : row.cells) {
      if (!trim(cell.text).empty() && cell.text.size() <= kMarkingLine) visit(cell.text);
    }
  }
}

struct Marked {
  std::string line;
  const govern::Marking* marking = nullptr;
  std::string_view where;
};

std::vector<Marked> find_markings(const documents::Document& document, const std::vector<govern::Marking>& markings) {
  std::vector<Marked> out;
  size_t head = 0;
  for (const Block& block : document.blocks) {
    const bool margin = block.kind == BlockKind::kHeader || block.kind == BlockKind::kFooter;
    if (!margin && (head >= kHeadBlocks || (block.text.empty() && block.table.rows.empty()))) continue;
    if (!margin) ++head;
    const std::string_view where = block.kind == BlockKind::kHeader ? "in the header" : block.kind == BlockKind::kFooter ? "in the footer" : "at the head";
    each_line(block, [&](std::string_view line) {
      for (const govern::Marking& marking : markings) {
        if (is_marked(line, marking.text)) out.push_back({collapse_spaces(line), &marking, where});
      }
    });
  }
  return out;
}

tl::unexpected<Error> no_record(std::string_view record) {
  return fail(ErrorCode::kNotFound, "there is no record '" + shorten(clean_utf8(record), 200) + "'");
}

}  // namespace

void Committer::Labelled::raise(const govern::Label& least, const std::string& why) {
  const govern::Label both = govern::join(label, least);
  if (both == label) return;
  reason = both == least || reason.empty() ? why : reason + "; " + why;
  label = both;
}

void Committer::raise_by_rules(const std::string& path, Labelled& labelled) const {
  for (const govern::LabelRule& rule : settings_.govern.rules) {
    const std::string glob = rule.path.starts_with('/') || rule.path.starts_with("**/") ? rule.path : "**/" + rule.path;
    if (govern::matches_glob(key_from(glob), key_from(path))) labelled.raise(rule.label, "folder rule '" + rule.path + "'");
  }
}

Result<Committer::Labelled> Committer::label_of(const Source& source, const ReadItem& item, int64_t record_id) {
  const govern::Lattice& lattice = settings_.govern.lattice;
  const std::string& own = item.document.meta.label;
  Labelled out;
  if (!source.label.empty()) {
    SILLOK_ASSIGN(out.label, lattice.parse(source.label));
    out.reason = "given with add";
    // One that is none of the home's is passed over only because a person said which it is.
    if (const auto written = lattice.parse(own); !own.empty() && written) out.raise(*written, "written in the source");
  } else if (!own.empty()) {
    SILLOK_ASSIGN(out.label, lattice.parse(own));
    out.reason = "written in the source";
  } else {
    out.label = settings_.govern.default_label;
    out.reason = "default";
  }
  raise_by_rules(source.path, out);
  for (const Marked& marked : find_markings(item.document, settings_.govern.markings)) {
    out.raise(marked.marking->label, "marking '" + shorten(marked.line, 40) + "' " + std::string(marked.where));
  }
  if (!item.part.empty()) {
    const auto parent = part_index_.find(item.parent);
    if (parent != part_index_.end()) {
      out.raise(part_labels_[parent->second].label, "part of " + (item.parent.empty() ? source.name : item.parent));
    }
  }
  if (record_id != 0) {
    SILLOK_ASSIGN(const std::string floor, db_.text_or("", "SELECT label_floor FROM records WHERE id = ?", record_id));
    if (!floor.empty()) {
      SILLOK_ASSIGN(const govern::Label least, lattice.parse(floor));
      out.raise(least, "decided for the record");
    }
  }
  return out;
}

Status Committer::touch_record(int64_t record_id) {
  std::vector<int64_t> ids;
  {
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT id FROM versions WHERE record_id = ? ORDER BY id", record_id));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      ids.push_back(rows.integer(0));
    }
  }
  for (const int64_t id : ids) SILLOK_TRY(db_.run("UPDATE versions SET change = ? WHERE id = ?", ++change_, id));
  return {};
}

Status Committer::raise_version(int64_t version_id, const Labelled& least) {
  std::string text, reason;
  int64_t record = 0;
  {
    SILLOK_ASSIGN(Cursor row, db_.query("SELECT label, label_reason, label_decided, record_id FROM versions WHERE id = ?", version_id));
    SILLOK_ASSIGN(const bool found, row.next());
    if (!found || row.integer(2) != 0) return {};
    text = row.text(0);
    reason = row.text(1);
    record = row.integer(3);
  }
  const govern::Lattice& lattice = settings_.govern.lattice;
  SILLOK_ASSIGN(const govern::Label now, lattice.parse(text));
  Labelled raised{now, reason};
  raised.raise(least.label, least.reason);
  if (raised.label == now) return {};
  SILLOK_TRY(db_.run("UPDATE versions SET label = ?, label_reason = ? WHERE id = ?", lattice.text(raised.label), raised.reason, version_id));
  return touch_record(record);
}

Status Committer::remember_label(const ReadItem& item, int64_t version_id) {
  if (item.document.meta.format == "jsonl") return {};  // a line has no parts
  SILLOK_ASSIGN(const std::string text, db_.text_or("", "SELECT label FROM versions WHERE id = ?", version_id));
  SILLOK_ASSIGN(govern::Label label, settings_.govern.lattice.parse(text));
  part_index_[item.part] = part_labels_.size();
  part_labels_.push_back({item.part, item.parent, version_id, std::move(label)});
  return {};
}

Status Committer::settle_family(const Source& source) {
  SILLOK_TRY(settle_parts(source, settled_, settled_failed_));
  settled_ = part_labels_.size();
  settled_failed_ = failed_parts_.size();
  return {};
}

Status Committer::settle_parts(const Source& source, size_t first, size_t first_failed) {
  const auto parent_of = [&](const std::string& part, const std::string& parent) -> PartLabel* {
    const auto at = part.empty() ? part_index_.end() : part_index_.find(parent);
    return at == part_index_.end() || parent == part ? nullptr : &part_labels_[at->second];
  };
  // Parts come after what they are parts of.
  for (size_t i = part_labels_.size(); i-- > first;) {
    PartLabel& part = part_labels_[i];
    if (PartLabel* parent = parent_of(part.part, part.parent)) parent->label = govern::join(parent->label, part.label);
  }
  for (size_t i = first; i < part_labels_.size(); ++i) {
    PartLabel& part = part_labels_[i];
    if (const PartLabel* parent = parent_of(part.part, part.parent)) part.label = govern::join(part.label, parent->label);
    SILLOK_TRY(raise_version(part.version, {part.label, "with the parts of " + source.name}));
  }
  const govern::Lattice& lattice = settings_.govern.lattice;
  for (size_t i = first_failed; i < failed_parts_.size(); ++i) {
    const auto& [part, parent] = failed_parts_[i];
    const PartLabel* whole = parent_of(part, parent);
    if (whole == nullptr) continue;
    SILLOK_ASSIGN(const std::string text, db_.text_or("", "SELECT label FROM failures WHERE path = ? AND part = ?", source.path, part));
    SILLOK_ASSIGN(const govern::Label label, lattice.parse(text));
    SILLOK_TRY(db_.run("UPDATE failures SET label = ? WHERE path = ? AND part = ?", lattice.text(govern::join(label, whole->label)),
                       source.path, part));
  }
  return {};
}

// ---------------------------------------------------------------------------------------------
// By people

namespace {

class Relabelling {
 public:
  Relabelling(Archive::State& state, Database& db)
      : state_(state), db_(db), committer_(db, state.settings, state.environment), lattice_(state.settings.govern.lattice) {}

  Result<LabelChange> propose(std::string_view record, std::string_view text, std::string_view reason, std::string_view person) {
    SILLOK_ASSIGN(const govern::Label label, lattice_.parse(text));
    Transaction transaction(db_);
    SILLOK_TRY(transaction.begin());
    SILLOK_TRY(committer_.load_change());
    SILLOK_ASSIGN(const int64_t id, db_.integer_or(0, "SELECT id FROM records WHERE key = ?", record));
    if (id == 0) return no_record(record);
    LabelChange change{0, std::string(record), "", lattice_.text(label), shorten(clean_utf8(trim(reason)), kMaxReason),
                       std::string(person), state_.environment.now()};
    bool lowers = false;
    SILLOK_ASSIGN(const govern::Label now, labels_of(id, label, lowers));
    change.from = lattice_.text(now);
    if (lowers) {
      if (change.reason.empty()) return fail(ErrorCode::kInvalid, "lowering '" + change.record + "' from " + change.from + " to " + change.label + " needs a reason (--reason)");
      SILLOK_TRY(db_.run("INSERT INTO label_proposals(record_id, before, label, reason, person, made, state, decided_by, decided) "
                         "VALUES(?, ?, ?, ?, ?, ?, 0, '', 0)",
                         id, change.from, change.label, change.reason, change.person, change.made));
      change.proposal = db_.last_insert_id();
    } else {
      SILLOK_TRY(apply(id, change));
    }
    SILLOK_TRY(transaction.commit());
    return change;
  }

  Result<LabelChange> decide(int64_t proposal, bool confirm, std::string_view person) {
    Transaction transaction(db_);
    SILLOK_TRY(transaction.begin());
    SILLOK_TRY(committer_.load_change());
    LabelChange change;
    int64_t id = 0, state = 0;
    {
      SILLOK_ASSIGN(Cursor row, db_.query("SELECT r.key, p.before, p.label, p.reason, p.person, p.made, p.record_id, p.state "
                                          "FROM label_proposals p JOIN records r ON r.id = p.record_id WHERE p.id = ?",
                                          proposal));
      SILLOK_ASSIGN(const bool found, row.next());
      if (!found) return fail(ErrorCode::kNotFound, "there is no proposal " + std::to_string(proposal));
      change = {proposal, row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.integer(5)};
      id = row.integer(6);
      state = row.integer(7);
    }
    if (state != 0) return fail(ErrorCode::kConflict, "proposal " + std::to_string(proposal) + " is decided already");
    if (confirm && ascii_lower(change.person) == ascii_lower(person)) {
      return fail(ErrorCode::kDenied, "proposal " + std::to_string(proposal) + " is " + change.person + "'s own; a second person has to confirm it");
    }
    if (confirm) {
      SILLOK_ASSIGN(const govern::Label label, lattice_.parse(change.label));
      bool lowers = false;
      SILLOK_ASSIGN(const govern::Label now, labels_of(id, label, lowers));
      if (lattice_.text(now) != change.from) {
        return fail(ErrorCode::kConflict, "the label of '" + change.record + "' has changed since it was proposed to lower it; propose it again");
      }
      change.reason += " (confirmed by " + std::string(person) + ")";
      SILLOK_TRY(apply(id, change));
    }
    SILLOK_TRY(db_.run("UPDATE label_proposals SET state = ?, decided_by = ?, decided = ? WHERE id = ?", confirm ? 1 : 2, person,
                       state_.environment.now(), proposal));
    SILLOK_TRY(transaction.commit());
    return change;
  }

 private:
  // The join of the labels of the record's versions, and whether `wanted` would lower one of them.
  Result<govern::Label> labels_of(int64_t record_id, const govern::Label& wanted, bool& lowers) {
    govern::Label all;
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT DISTINCT label FROM versions WHERE record_id = ?1 UNION "
                                         "SELECT label_floor FROM records WHERE id = ?1 AND label_floor <> ''",
                                         record_id));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) return all;
      SILLOK_ASSIGN(const govern::Label one, lattice_.parse(rows.view(0)));
      lowers |= !govern::dominates(wanted, one);
      all = govern::join(all, one);
    }
  }

  Status apply(int64_t record_id, const LabelChange& change) {
    SILLOK_TRY(db_.run("UPDATE versions SET label = ?, label_reason = ?, label_decided = 1 WHERE record_id = ?", change.label,
                       change.reason.empty() ? change.person : change.person + ": " + change.reason, record_id));
    SILLOK_TRY(db_.run("UPDATE records SET label_floor = ? WHERE id = ?", change.label, record_id));
    return committer_.touch_record(record_id);
  }

  Archive::State& state_;
  Database& db_;
  Committer committer_;
  const govern::Lattice& lattice_;
};

}  // namespace

Result<LabelChange> Archive::label(std::string_view record, std::string_view label, std::string_view reason, std::string_view person) {
  SILLOK_ASSIGN(const FileLock lock, state_->lock());
  SILLOK_ASSIGN(Database db, Database::open(state_->database_path(), Database::Mode::kExisting));
  SILLOK_TRY(finish_interrupted(*state_, db));
  return Relabelling(*state_, db).propose(record, label, reason, person);
}

Result<LabelChange> Archive::decide(int64_t proposal, bool confirm, std::string_view person) {
  SILLOK_ASSIGN(const FileLock lock, state_->lock());
  SILLOK_ASSIGN(Database db, Database::open(state_->database_path(), Database::Mode::kExisting));
  SILLOK_TRY(finish_interrupted(*state_, db));
  return Relabelling(*state_, db).decide(proposal, confirm, person);
}

std::vector<LabelChange> Archive::proposals() const {
  std::vector<LabelChange> out;
  Reading db(*state_);
  if (!db.open()) return out;
  auto rows = db->query("SELECT p.id, r.key, p.before, p.label, p.reason, p.person, p.made FROM label_proposals p "
                        "JOIN records r ON r.id = p.record_id WHERE p.state = 0 ORDER BY p.id LIMIT ?",
                        kMaxProposals);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    out.push_back({rows->integer(0), rows->text(1), rows->text(2), rows->text(3), rows->text(4), rows->text(5), rows->integer(6)});
  }
  return out;
}

}  // namespace sillok::archive
