// Who uses the command line: the operator of the machine, who sees everything, or with --as a person, who sees what his
// clearance dominates. And the audit log, which names him.
#pragma once

#include "cli/common.h"
#include "govern/govern.h"

namespace sillok::cli {

struct Actor {
  std::string name = "command line";
  std::optional<govern::Person> person;

  std::optional<govern::Clearance> clearance() const {
    return person ? std::optional(person->clearance) : std::nullopt;
  }
  // Whether personal data in what he is shown is masked.
  bool masks(const govern::Settings& settings) const;
};
// `as` "": the operator. kNotFound and kDenied for people who are none or disabled.
Result<Actor> open_actor(const fs::path& home, const std::string& as);

// Writes an entry. A home that cannot be written (a read-only disk) has no log either: then standard error says so.
Status audit_act(const fs::path& home, const Actor& actor, const std::string& kind, const std::string& subject, const Json& details,
                 const std::string& label = {});
// "S:a,b" of the labels' join, for the entry's own label.
std::string join_labels(const govern::Lattice& lattice, const std::vector<std::string>& labels);

}  // namespace sillok::cli
