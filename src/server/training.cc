// Training runs, as they tell of themselves in the home (train/runs.h). Reading alone: training is begun on the command line.
#include "server/app.h"
#include "train/train.h"

namespace sillok::server {

Response list_training(App& app, Request& request) {
  const train::TrainingRuns list = train::list_runs(app.archive.home());
  Json runs = Json::array();
  for (const train::TrainingRun& run : list.runs) {
    if (!train::may_see(app.settings.lattice, request.identity.person.clearance, run)) continue;
    runs.push_back(Json::parse(train::to_json(run, train::Curve::kLeftOut)));
  }
  return json_response({{"runs", std::move(runs)}});
}

Response show_training(App& app, Request& request) {
  const auto run = train::load_run(app.archive.home(), request.captures[0]);
  if (run && train::may_see(app.settings.lattice, request.identity.person.clearance, *run)) {
    return json_response(Json::parse(train::to_json(*run, train::Curve::kTold)));
  }
  // A damaged one says nothing of its labels: it is shown to nobody, and `sillok train runs` says what is wrong with it.
  return error_response(Surface::kNative, 404, "not_found", "there is no such training run");
}

}  // namespace sillok::server
