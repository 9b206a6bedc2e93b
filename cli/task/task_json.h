// Tasks as JSON in ACR's model: "step", "trigger", "timeout", "platform" and "credentials" where `az acr task show` has
// them, and what ACR lacks beside it. `slipway apply` reads the same.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/task/output.h"
#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

enum class TaskText {
  kEncoded,  ///< the text of a task as ACR gives it: base64
  kPlain,    ///< as it is, for people
};

/// Of what is printed in this form: programs get it as from az.
inline TaskText TextFor(const FormChoice& form) {
  return form.value_or(Form::kJson) == Form::kJson ? TaskText::kEncoded : TaskText::kPlain;
}

/// All of a task. Secrets are what the daemon gives for them: "***".
nlohmann::ordered_json TaskJson(const v1::Task& task, TaskText text);
nlohmann::ordered_json TimerJson(const v1::TimerTrigger& timer);
/// {"HOST": {"userName": …, "password": …}}
nlohmann::ordered_json CredentialsJson(const v1::Task& task);
nlohmann::ordered_json DeliveryJson(const v1::Delivery& delivery);

/// A message as protobuf writes it.
nlohmann::ordered_json MessageJson(const google::protobuf::Message& message);

}  // namespace slipway::cli
