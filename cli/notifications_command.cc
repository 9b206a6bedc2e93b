// slipway notifications: what receivers and git hosts are told of runs, and sending again what could not be told.
#include <algorithm>
#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/notification_format.h"

namespace slipway::cli {

namespace {

constexpr int kDefaultTop = 25;
constexpr int kPage = 200;

struct ListOptions {
  bool dead = false;
  int top = kDefaultTop;
  OutputFormat output = OutputFormat::kTable;
};

Result<std::vector<v1::Notification>> Collect(Connection& connection, const ListOptions& options) {
  std::vector<v1::Notification> out;
  v1::ListNotificationsRequest request;
  if (options.dead) request.set_state(v1::NOTIFICATION_STATE_DEAD);
  do {
    request.set_page_size(static_cast<uint32_t>(std::min(kPage, options.top - static_cast<int>(out.size()))));
    Call call(Context::Background(), kCallTimeout);
    v1::ListNotificationsResponse page;
    const grpc::Status status = connection.notifications().ListNotifications(call.context(), request, &page);
    if (!status.ok()) return connection.Failure(status, "list notifications");
    for (v1::Notification& one : *page.mutable_notifications()) out.push_back(std::move(one));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && static_cast<int>(out.size()) < options.top);
  return out;
}

int List(const std::string& server, const ListOptions& options) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  const Result<std::vector<v1::Notification>> found = Collect(**connection, options);
  if (!found.ok()) return Fail(found.status());
  Print(options.output == OutputFormat::kJson ? NotificationsJson(*found) : NotificationTable(*found));
  return kExitOk;
}

int Retry(const std::string& server, const std::string& id) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  v1::RetryNotificationRequest request;
  request.set_notification_id(id);
  v1::Notification revived;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*connection)->notifications().RetryNotification(call.context(), request, &revived);
  if (!status.ok()) return Fail((*connection)->Failure(status, fmt::format("send notification '{}' again", id)));
  Print(fmt::format("Notification {} is sent to {} again\n", id, revived.receiver()));
  return kExitOk;
}

}  // namespace

void AddNotifications(CommandLine& line) {
  CLI::App* group = line.app->add_subcommand("notifications", "What receivers and git hosts are told of runs");
  group->require_subcommand(1);

  auto options = std::make_shared<ListOptions>();
  CLI::App* list = group->add_subcommand("list", "List them, newest first");
  list->add_flag("--dead", options->dead, "Only those that were given up");
  list->add_option("--top", options->top, "At most so many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  AddOutputOption(*list, &options->output);
  list->callback([&line, options] { line.run = [&line, options] { return List(line.server, *options); }; });

  auto id = std::make_shared<std::string>();
  CLI::App* retry = group->add_subcommand("retry", "Send one that was given up once more");
  retry->add_option("NOTIFICATION", *id, "Its id, such as n12")->required()->type_name("");
  retry->callback([&line, id] { line.run = [&line, id] { return Retry(line.server, *id); }; });
  for (CLI::App* command : {list, retry}) command->fallthrough();
}

}  // namespace slipway::cli
