// The cmd step: a container. Refused until containers of steps can be run.
#include "steps/action/action.h"

namespace slipway::action {

namespace {

class CmdAction : public Action {
 public:
  explicit CmdAction(const task::CmdStep& step) : step_(step) {}

  Status Run(const Context& /*ctx*/, Environment& /*environment*/) override {
    return Unimplemented("run '{}': this daemon does not run cmd steps", step_.image);
  }

 private:
  const task::CmdStep& step_;
};

}  // namespace

std::unique_ptr<Action> MakeCmdAction(const task::CmdStep& step) { return std::make_unique<CmdAction>(step); }

}  // namespace slipway::action
