#include "steps/action/action.h"

namespace slipway::action {

namespace {
struct Maker {
  std::unique_ptr<Action> operator()(const task::BuildStep& step) const { return MakeBuildAction(step); }
  std::unique_ptr<Action> operator()(const task::PushStep& step) const { return MakePushAction(step); }
  std::unique_ptr<Action> operator()(const task::CmdStep& step) const { return MakeCmdAction(step); }
};
}  // namespace

std::unique_ptr<Action> MakeAction(const task::Step& step) { return std::visit(Maker(), step.what); }

void Say(Environment& environment, std::string text) {
  ProgressEvent event;
  event.kind = ProgressEvent::Kind::kNote;
  event.time = Clock::Real().System();
  event.text = std::move(text);
  environment.progress.OnEvent(event);
}

}  // namespace slipway::action
