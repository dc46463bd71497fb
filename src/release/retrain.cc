#include "release/retrain.h"

#include <sys/resource.h>

#include <algorithm>

namespace sillok::release {
namespace {

constexpr double kSecondsPerPassage = 0.03;  // of training, for the first estimate: 10,000 passages take under five minutes on two cores
constexpr double kSecondsADay = 86'400;

double cpu_seconds() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    struct rusage used {};
    if (::getrusage(who, &used) != 0) continue;
    for (const timeval& t : {used.ru_utime, used.ru_stime}) total += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  }
  return total;
}

// Microjoules that the processor's own meter (RAPL) has counted; none where it cannot be read. It wraps at a value that it tells.
std::optional<uint64_t> metered_uj() {
  const auto text = read_file("/sys/class/powercap/intel-rapl:0/energy_uj", 64);
  if (!text || trim(*text).empty() || trim(*text).find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return std::stoull(std::string(trim(*text)));
}

// Three digits: a budget may be a fraction of a minute.
std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

fs::path spent_path(const fs::path& home) { return folder_of(home) / "training.json"; }

}  // namespace

Meter::Meter(double watts) : watts_(watts), cpu_s_(cpu_seconds()), microjoules_(metered_uj()) {}

Meter::Read Meter::read() const {
  Read read;
  read.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  read.cpu_s = cpu_seconds() - cpu_s_;
  const auto now = metered_uj();
  read.estimated = !now || !microjoules_ || *now < *microjoules_;
  read.watt_hours = read.estimated ? read.cpu_s * watts_ / 3600 : static_cast<double>(*now - *microjoules_) / 3.6e9;
  return read;
}

// A file that cannot be read is as none: then the next training is estimated, and may come a round too early.
Retraining::Last Retraining::last() const {
  Last last;
  const auto text = read_file(spent_path(archive_.home()), 4096);
  const Json json = text ? Json::parse(*text, nullptr, false) : Json();
  if (!json.is_object()) return last;
  try {
    last.seconds = json.at("seconds").get<double>();
    last.watt_hours = json.at("watt_hours").get<double>();
    last.ended = json.value("ended", Micros{0});
    last.change = json.value("change", int64_t{0});
    last.sha256 = json.value("sha256", "");
  } catch (const Json::exception&) {
    return Last{};
  }
  return last;
}

Status Retraining::keep(const Meter::Read& spent, const std::string& adopted) const {
  std::error_code error;
  fs::create_directories(folder_of(archive_.home()), error);
  return write_file_atomic(spent_path(archive_.home()), canonical({{"seconds", spent.seconds}, {"watt_hours", spent.watt_hours}, {"estimated", spent.estimated},
                                                                   {"ended", now_micros()}, {"change", archive_.last_change()}, {"sha256", adopted}}) + "\n");
}

bool Retraining::may_help_now() const { return last().change != archive_.last_change(); }

// Counted from the last training, whatever became of it: what was not adopted or did not hold is not tried again on the same records.
Result<std::string> Retraining::due(const search::RetrieverModel& model, const Last& last) const {
  std::error_code error;
  const auto written = fs::last_write_time(search::retriever_path(archive_.home()), error);
  double days = std::chrono::duration<double>(fs::file_time_type::clock::now() - written).count() / kSecondsADay;
  if (last.ended > 0) days = std::min(days, static_cast<double>(now_micros() - last.ended) / 1e6 / kSecondsADay);
  if (settings_.retrain_days > 0 && !error && days >= settings_.retrain_days) return "it is " + std::to_string(static_cast<int>(days)) + " days old";
  uint64_t since = 0;
  const Day now = today();
  SILLOK_TRY(archive_.changes_after(std::max(model.change, last.change), [&](const archive::Version& version) -> Status {
    since += !version.erased && version.valid_from <= now && now < version.valid_to ? 1 : 0;
    return {};
  }));
  const double percent = 100 * static_cast<double>(since) / static_cast<double>(std::max<uint64_t>(1, archive_.record_count()));
  if (settings_.retrain_changed > 0 && percent >= settings_.retrain_changed) return std::to_string(static_cast<int>(percent)) + " percent of the records are newer";
  return std::string();
}

// What the last training took, else an estimate, against the budget. "" = within it.
std::string Retraining::over_budget(const Last& last) const {
  double seconds = kSecondsPerPassage * static_cast<double>(searcher_.passage_count()), watt_hours = seconds * settings_.watts / 3600;
  if (last.seconds >= 0) seconds = last.seconds, watt_hours = last.watt_hours;
  if (seconds > 60 * settings_.budget_minutes) return "it would take about " + digits(seconds / 60) + " minutes, and budget_minutes allows " + digits(settings_.budget_minutes);
  if (watt_hours > settings_.budget_wh) return "it would take about " + digits(watt_hours) + " Wh, and budget_wh allows " + digits(settings_.budget_wh);
  return {};
}

// What was adopted; "" = nothing was.
Result<std::string> Retraining::train(const search::RetrieverModel& model, const std::vector<evaluate::GoldQuestion>& gold, const train::Progress& progress,
                                      RefreshReport& report) const {
  train::RetrieverOptions options;
  const govern::Lattice& lattice = archive_.settings().lattice;
  const auto ceiling = lattice.join(model.labels);
  if (!ceiling) return fail(ceiling.error().in("labels of the retriever in use; train it anew with --labels-up-to"));
  options.ceiling = lattice.text(*ceiling);
  options.budget_seconds = 60 * settings_.budget_minutes;
  options.budget_joules = 3600 * settings_.budget_wh;
  options.watts = settings_.watts;
  const archive::View view(archive_, *ceiling);
  for (const evaluate::GoldQuestion& q : gold) {
    const bool known = std::any_of(q.records.begin(), q.records.end(), [&](const std::string& record) { return view.version_as_of(record, today()).has_value(); });
    if (q.answerable && known) options.gold.push_back({q.question, q.records, q.category});
  }
  // Too few to tell what was learned from what was learned by heart: then from made-up questions alone, as without any.
  if (options.gold.size() < 2 * options.folds) options.gold.clear();
  SILLOK_ASSIGN(const train::RetrieverReport done, train::train_retriever(archive_, searcher_, options, progress));
  if (!done.adopted) report.notes.push_back("the retriever that was trained is not taken: " + done.reason);
  return done.adopted ? done.hash : std::string();
}

Status Retraining::by_policy(const std::string& drift, const std::vector<evaluate::GoldQuestion>& gold, const train::Progress& progress, RefreshReport& report) {
  if (done_) return {};
  const fs::path path = search::retriever_path(archive_.home());
  const auto bytes = read_file(path, search::kMaxRetrieverBytes);
  if (!bytes) return {};  // none in use: nothing to keep up
  const auto model = search::decode_retriever(*bytes);
  if (!model) return fail(model.error().in(path.string()));
  const Last before = last();
  SILLOK_ASSIGN(std::string reason, due(*model, before));
  if (reason.empty()) reason = drift;
  if (reason.empty()) return {};
  if (const std::string over = over_budget(before); !over.empty()) {
    report.not_retrained = reason + ", but " + over;
    return {};
  }
  done_ = true;
  const Meter meter(settings_.watts);
  const auto adopted = train(*model, gold, progress, report);
  SILLOK_TRY(keep(meter.read(), adopted.value_or("")));
  // The records are added, and questions answered, with the retriever that there is.
  if (adopted) report.retrained = reason;
  else report.not_retrained = reason + ", but " + adopted.error().message;
  return {};
}

Status Retraining::take_back(const Release& in_force, RefreshReport& report) const {
  const fs::path path = search::retriever_path(archive_.home());
  const std::string trained = last().sha256;
  const auto bytes = read_file(path, search::kMaxRetrieverBytes);
  if (trained.empty() || !bytes || sha256_hex(*bytes) != trained) return {};  // not by a round: a person put it there
  for (const Artefact& artefact : in_force.settings.artefacts) {
    if (artefact.role != Role::kRetriever || artefact.sha256 == trained) continue;
    SILLOK_TRY(check_object(archive_.home(), artefact, Check::kBytes));
    SILLOK_ASSIGN(const std::string before, read_file(object_path(archive_.home(), artefact), search::kMaxRetrieverBytes));
    SILLOK_TRY(write_file_atomic(path, before));
    report.notes.push_back("the retriever that was trained does not hold and is put away: that of the release in force, " + in_force.id + ", stays");
  }
  return {};
}

}  // namespace sillok::release
