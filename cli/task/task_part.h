// The commands of a list that each task holds, as its timers and its logins: what add, update, remove and list share.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <functional>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/task/acr_words.h"
#include "cli/task/commands.h"
#include "cli/task/output.h"
#include "cli/task/task_client.h"

namespace slipway::cli {

/// What all of these commands take.
struct PartWords {
  std::string task;
  FormChoice form;
  AcrWords acr;
};

/// Prints the list as it is in `task`.
using PrintPart = void (*)(const FormChoice& form, const v1::Task& task);

/// The list in a task.
template <typename Item>
struct TaskPart {
  using List = google::protobuf::RepeatedPtrField<Item>;
  const char* field;  ///< its name in v1::Task, for the mask of an update
  List* (v1::Task::*list)();
  PrintPart print;
};

/// A command `name` of `group` with the words that all have.
CLI::App* AddPartCommand(CLI::App& group, PartWords* words, const char* name, const char* help);
/// OnChosen for it: tells of options of az that mean nothing here before `body` looks at the others.
void OnPartChosen(CLI::App& command, CommandLine& line, const std::shared_ptr<PartWords>& words, CommandBody body);

/// `list`: reads the task and prints.
int PrintTaskPart(Connection& connection, const PartWords& words, PrintPart print);
/// The others: changes the task as TaskChange says, and prints what came of it.
int ChangeTaskPart(Connection& connection, const PartWords& words, PrintPart print, const TaskChange& change);

/// The same for one list: `change` gets a copy of it.
template <typename Item>
int ChangeTaskPart(Connection& connection, const PartWords& words, const TaskPart<Item>& part,
                   const std::function<Status(typename TaskPart<Item>::List*)>& change) {
  return ChangeTaskPart(connection, words, part.print, [&](const v1::Task& was, v1::UpdateTaskRequest* request) {
    typename TaskPart<Item>::List* list = (request->mutable_task()->*part.list)();
    *list = *(v1::Task(was).*part.list)();
    request->mutable_update_mask()->add_paths(part.field);
    return change(list);
  });
}

}  // namespace slipway::cli
