#include "server/app.h"

namespace sillok::server {

std::unique_ptr<Repeating> keep_retention(App& app) {
  return std::make_unique<Repeating>(std::chrono::hours(24), Repeating::First::kAtOnce, [&app] {
    const auto dropped = app.audit.prune(app.settings.retention);
    if (dropped) return;
    govern::Identity nobody;
    nobody.how = "retention";
    (void)app.record(nobody, "upkeep", "audit", "", {{"ok", false}, {"reason", dropped.error().message}});
    if (app.options.say) app.options.say("Retention: " + dropped.error().message);
  });
}

}  // namespace sillok::server
