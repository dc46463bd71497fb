// Private to the HWPX reader: XML access and the text of a section.
#pragma once

#include <pugixml.hpp>

#include "documents/hangul.h"

namespace sillok::documents::hwpx {

// A part of the archive as XML. Entities of a DTD are not expanded.
Result<pugi::xml_document> parse_xml(const ZipArchive& zip, const std::string& name);
// Names without their prefix, which files choose freely.
std::string_view local_name(const pugi::xml_node& node);
pugi::xml_node child(const pugi::xml_node& node, std::string_view name);
hangul::NumberFormat number_format(std::string_view name);

// Appends a section's paragraphs; `parts` (id to path) finds its master pages.
Status parse_section(const ZipArchive& zip, const std::string& name,
                     const std::map<std::string, std::string>& parts, std::vector<hangul::Paragraph>& out);

}  // namespace sillok::documents::hwpx
