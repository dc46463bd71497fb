// Private to documents: what DOCX, XLSX and PPTX share. A package (ECMA-376 part 2) of parts joined
// by relationships, its properties, and documents embedded in it.
#pragma once

#include <map>

#include "documents/xml.h"

namespace sillok::documents {

struct Relation {
  std::string type;    // last step of its URI: "footnotes", "hyperlink", "chart", ...
  std::string target;  // part name without leading slash; as written if external
  bool external = false;
};
using Relations = std::map<std::string, Relation, std::less<>>;  // by id

class OfficePackage {
 public:
  // Opens a ZIP package, or the one XML file Word can save instead (pkg:package). The views and the
  // budget outlive it.
  static Result<OfficePackage> open(const Source& source, Budget& budget);

  // The part that the package's own relationships name as its document; `usual` where they are
  // missing.
  Result<std::string> main_part(std::string_view usual) const;
  bool has(std::string_view part) const;
  Result<std::string> bytes(std::string_view part) const;
  Result<Xml> xml(std::string_view part) const;
  // Empty where the part has none; an error where they are damaged, for what they name would be
  // missed.
  Result<Relations> relations(std::string_view part) const;
  // The target of the first relationship of this type, "" if there is none or the target does not
  // exist.
  std::string related(const Relations& relations, std::string_view type) const;
  // Title, author, dates; everything else the properties hold goes to meta.other.
  void read_properties(Metadata& meta) const;
  // Says in meta.other["damaged"] that the archive had to be repaired to be read, if so.
  void note_repair(Metadata& meta) const;

 private:
  std::optional<ZipArchive> zip_;
  std::map<std::string, std::string, std::less<>>
      names_;  // lower-case name → name in the ZIP, or content
};

// Notes in meta.other["not read"] that a part could not be read and why: shown, never silent.
void note_unread(Document& document, std::string_view part, std::string_view reason);

// Reads a document embedded in another and appends its blocks, marked "embedded: name". What cannot
// be read is noted. OLE objects are opened for the document inside them.
void append_embedded(Document& document, const Source& outer, Budget& budget, std::string_view name,
                     std::string_view bytes);
// The same for a relationship's target; does nothing for images, sounds and other media.
void append_embedded_parts(Document& document, const OfficePackage& package,
                           const Relations& relations, const Source& outer, Budget& budget);

}  // namespace sillok::documents
