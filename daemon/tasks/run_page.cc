#include "daemon/tasks/run_page.h"

namespace slipway::tasks {

void AddRunPage(web::Router& router, store::RunStore& store) {
  router.Add("GET", "/runs/{run}", 0, [&store](const web::Request& request) {
    const std::string& id = request.params.at("run");
    if (!store::IsRunId(id)) return web::TextResponse(404, "there is no such run");
    const Result<store::Run> run = store.Get(id);
    if (run.code() == Code::kNotFound) return web::TextResponse(404, "there is no such run");
    if (!run.ok()) return web::TextResponse(503, "the run cannot be looked up now");
    return web::TextResponse(200, RunPage(*run));
  });
}

std::string RunPage(const store::Run& run) {
  std::string out =
      fmt::format("Run {}: {}\nQueued    {}\n", run.id, store::StateName(run.state), FormatTime(run.create_time));
  if (run.start_time) out += fmt::format("Started   {}\n", FormatTime(*run.start_time));
  if (run.finish_time) out += fmt::format("Finished  {}\n", FormatTime(*run.finish_time));
  out += fmt::format("\nIts log:  slipway logs {}", run.id);
  return out;
}

}  // namespace slipway::tasks
