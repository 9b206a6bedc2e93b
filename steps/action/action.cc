#include "steps/action/action.h"

namespace slipway::action {

namespace {
struct Maker {
  const task::Step& step;
  std::unique_ptr<Action> operator()(const task::BuildStep&) const { return MakeBuildAction(step); }
  std::unique_ptr<Action> operator()(const task::PushStep&) const { return MakePushAction(step); }
  std::unique_ptr<Action> operator()(const task::CmdStep&) const { return MakeCmdAction(step); }
};
}  // namespace

std::unique_ptr<Action> MakeAction(const task::Step& step) { return std::visit(Maker{step}, step.what); }

void Say(ProgressSink& progress, std::string text) {
  ProgressEvent event;
  event.kind = ProgressEvent::Kind::kNote;
  event.time = Clock::Real().System();
  event.text = std::move(text);
  progress.OnEvent(event);
}

}  // namespace slipway::action
