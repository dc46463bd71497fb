// A file of gold questions, changed while others change it too. Part of train.h, which includes it.
//
// What a line says is evaluate's (evaluate::load_gold). People add to it and take from it in the console, confirm proposed questions into it,
// and accept new answers for superseded ones, each in a process of his own: every change goes through change_gold. Where a home's file
// lies, release::gold_file says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/base.h"

namespace sillok::train {

struct GoldLine {
  std::string text;       // without its end; may be blank, or no question at all
  std::string id;         // its "id"; the line's number from 1 where it has none, as evaluate::load_gold names it
  bool numbered = false;  // the latter: it is named by its place
};
// A file that is not there has none. kLimit for one over 256 MiB.
Result<std::vector<GoldLine>> gold_lines(const fs::path& path);

// Reads the lines, lets `edit` change texts and add lines at the end, and replaces the file, all or nothing; no other change comes in between,
// of this process or another. An error of `edit` leaves the file as it was. Lines that are not touched stay byte for byte. One is taken out
// by making its text empty: a blank line keeps its place where one after it is named by its number. `edit` must not call this again.
// kConflict where others keep the file for ten seconds.
Status change_gold(const fs::path& path, const std::function<Status(std::vector<GoldLine>& lines)>& edit);

}  // namespace sillok::train
