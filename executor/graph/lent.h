// Lent: what whoever asked for a build lends to its steps while they run: the values of secrets, and agents that sign
// with SSH keys. None of it is part of what a vertex is: it enters no key, no record and no message.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "executor/base/ssh_agent.h"

namespace slipway::graph {

struct Lent {
  std::map<std::string, std::string> secrets;  ///< values by id
  std::set<std::string> ssh;                   ///< ids of agents
  std::shared_ptr<AgentChannel> agents;        ///< answers for them; set if there are any
};

/// Null: nothing is lent.
using LentPtr = std::shared_ptr<const Lent>;

}  // namespace slipway::graph
