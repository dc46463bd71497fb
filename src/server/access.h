// Private to server: the one place where what a route reads of the archive passes the asker's clearance. No route
// calls the archive's reading functions itself.
#pragma once

#include "server/app.h"

namespace sillok::server {

class Access {
 public:
  Access(App& app, const govern::Identity& who) : Access(app, who.person.clearance) {}
  Access(App& app, const govern::Clearance& clearance) : view_(app.archive, clearance) {}

  const archive::View& view() const { return view_; }
  bool sees(const std::string& label) const { return view_.sees(label); }

  // What is not erased. What the asker may not see is kNotFound, like what is not there.
  std::vector<archive::Version> versions(std::string_view record) const;
  // `number` 0: the one in force on `day` (kDayMax: today, or else the latest).
  Result<archive::Version> version(std::string_view record, uint32_t number, Day day) const;
  Result<documents::Document> document(const archive::Version& version) const { return view_.document(version.id); }
  std::vector<archive::Link> links(const archive::Version& version, Day day) const;
  // One version of each record, in order of key after `after`.
  struct Listing {
    std::vector<archive::Version> records;
    std::vector<size_t> versions;  // of each, how many the asker sees
    std::string next;              // key to go on after, also where a page is not full; "" at the end
    std::optional<uint64_t> total; // none where counting would mean looking at records of other pages
  };
  struct Filter {
    std::string after, format, label, text;
    size_t limit = 100;
    Day day = kDayMax;
    bool all() const { return format.empty() && label.empty() && text.empty() && day == kDayMax; }
  };
  // Looks at kMostLookedAt records at most: a filter that hardly anything fits takes several pages, not a scan of all.
  static constexpr size_t kMostLookedAt = 2000;
  Listing list(const Filter& filter) const;

 private:
  archive::View view_;
};

// "as_of" and "version" of the query.
Result<Day> day_argument(const Request& request);
Result<archive::Version> version_of(App& app, const Request& request, std::string_view record);

}  // namespace sillok::server
