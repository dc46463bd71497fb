// Private to server: the one place where what a route reads of the archive passes the asker's clearance. No route
// calls the archive's reading functions itself.
#pragma once

#include "server/app.h"

namespace sillok::server {

class Access {
 public:
  Access(App& app, const govern::Identity& who);

  // Labels that the asker's clearance dominates, for search and ask.
  const std::vector<std::string>& labels() const { return labels_; }
  bool sees(const std::string& label) const;

  // As the archive gives them, over what the asker may see. What he may not see is kNotFound, like what is not there.
  std::vector<archive::Version> versions(std::string_view record) const;
  // `number` 0: the one in force on `day`, else the latest.
  Result<archive::Version> version(std::string_view record, uint32_t number, Day day) const;
  Result<documents::Document> document(const archive::Version& version) const { return app_.archive.document(version.id); }
  std::vector<archive::Link> links(const archive::Version& version, Day day) const;
  // What is in force on `day`, or was or will be, one version of each record, in order of key after `after`.
  struct Listing {
    std::vector<archive::Version> records;
    std::vector<size_t> versions;  // of each, how many the asker sees
    std::string next;              // key to go on after; "" at the end
    uint64_t total = 0;
  };
  struct Filter {
    std::string after, format, label, text;
    size_t limit = 100;
    Day day = kDayMax;
  };
  Result<Listing> list(const Filter& filter) const;

 private:
  App& app_;
  const govern::Identity& who_;
  std::vector<std::string> labels_;
};

// "as_of" and "version" of the query.
Result<Day> day_argument(const Request& request);
Result<archive::Version> version_of(App& app, const Request& request, std::string_view record);

}  // namespace sillok::server
