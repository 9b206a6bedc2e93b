#include "cli/run_list.h"

#include <algorithm>

#include "cli/enum_text.h"
#include "cli/run_format.h"

namespace slipway::cli {

namespace {
constexpr int kPage = 200;
}

Result<std::vector<v1::Run>> ListRuns(Connection& connection, v1::ListRunsRequest request, int top) {
  std::vector<v1::Run> runs;
  do {
    request.set_page_size(std::min(kPage, top - static_cast<int>(runs.size())));
    Call call(Context::Background(), kCallTimeout);
    v1::ListRunsResponse response;
    if (grpc::Status status = connection.runs().ListRuns(call.context(), request, &response); !status.ok()) {
      return connection.Failure(status, "list runs");
    }
    for (v1::Run& run : *response.mutable_runs()) runs.push_back(std::move(run));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && static_cast<int>(runs.size()) < top);
  if (static_cast<int>(runs.size()) > top) runs.resize(static_cast<size_t>(top));
  return runs;
}

void AddRunStatusOption(CLI::App& command, const std::string& name, v1::ListRunsRequest* request) {
  command
      .add_option_function<std::vector<std::string>>(
          name,
          [request](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) request->add_status(ParseRunStatus(text).value());
          },
          "Only runs in this state, such as Running or Failed; repeatable")
      ->type_name("STATUS")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        const Result<v1::RunStatus> status = ParseRunStatus(text);
        return status.ok() ? std::string() : status.status().message();
      });
}

void AddRunTriggerOption(CLI::App& command, v1::ListRunsRequest* request) {
  command
      .add_option_function<std::vector<std::string>>(
          "--trigger",
          [request](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) request->add_trigger(ParseEnum<v1::TriggerKind>(text).value());
          },
          "Only runs that this started: Manual, Commit, PullRequest, Timer or ImageUpdate; repeatable")
      ->type_name("TRIGGER")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        const Result<v1::TriggerKind> kind = ParseEnum<v1::TriggerKind>(text);
        return kind.ok() ? std::string() : kind.status().message();
      });
}

void AddTopOption(CLI::App& command, int* top) {
  command.add_option("--top", *top, "At most so many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
}

}  // namespace slipway::cli
