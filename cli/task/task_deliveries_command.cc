// slipway task deliveries, replay: what came in for tasks from git hosts and registries.
#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/enum_text.h"
#include "cli/run_list.h"
#include "cli/task/commands.h"
#include "cli/task/task_format.h"
#include "cli/task/task_json.h"
#include "cli/task/task_words.h"

namespace slipway::cli {

namespace {

constexpr int kPage = 200;

struct Words {
  std::string task, delivery;
  int top = 15;
  FormChoice form;
};

Result<std::vector<v1::Delivery>> Read(Connection& connection, const Words& words) {
  std::vector<v1::Delivery> deliveries;
  v1::ListDeliveriesRequest request;
  request.set_task(words.task);
  const auto wanted = static_cast<size_t>(words.top);
  do {
    request.set_page_size(static_cast<int>(std::min<size_t>(kPage, wanted - deliveries.size())));
    Call call(Context::Background(), kCallTimeout);
    v1::ListDeliveriesResponse page;
    if (const grpc::Status status = connection.tasks().ListDeliveries(call.context(), request, &page); !status.ok()) {
      return connection.Failure(status, "list deliveries");
    }
    for (v1::Delivery& delivery : *page.mutable_deliveries()) deliveries.push_back(std::move(delivery));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && deliveries.size() < wanted);
  deliveries.resize(std::min(deliveries.size(), wanted));
  return deliveries;
}

int List(Connection& connection, const Words& words) {
  const auto deliveries = Read(connection, words);
  if (!deliveries.ok()) return Fail(deliveries.status());
  auto json = nlohmann::ordered_json::array();
  for (const v1::Delivery& delivery : *deliveries) json.push_back(DeliveryJson(delivery));
  PrintList(words.form, json, DeliveryTable(*deliveries));
  return kExitOk;
}

int Replay(Connection& connection, const Words& words) {
  v1::ReplayDeliveryRequest request;
  request.set_delivery_id(words.delivery);
  v1::Delivery delivery;
  Call call(Context::Background(), kCallTimeout);
  if (const grpc::Status status = connection.tasks().ReplayDelivery(call.context(), request, &delivery); !status.ok()) {
    return Fail(connection.Failure(status, fmt::format("replay delivery '{}'", words.delivery)));
  }
  PrintOne(words.form, DeliveryJson(delivery), DeliveryTable({&delivery, 1}));
  return kExitOk;
}

}  // namespace

void AddTaskDeliveries(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* list = group.add_subcommand("deliveries", "List webhooks and notifications with what was made of them");
  list->add_option("-n,--name", words->task, "Only those of this task")->type_name("NAME");
  AddTopOption(*list, &words->top);
  AddFormOption(*list, &words->form);
  OnChosen(*list, line, [words](Connection& connection) { return List(connection, *words); });

  auto again = std::make_shared<Words>();
  CLI::App* replay = group.add_subcommand("replay", "Judge a delivery once more, and start what it leads to");
  replay->add_option("DELIVERY", again->delivery, "Id of the delivery")->required()->type_name("");
  AddFormOption(*replay, &again->form);
  OnChosen(*replay, line, [again](Connection& connection) { return Replay(connection, *again); });
}

}  // namespace slipway::cli
