// Solve: one call of Solver::Solve. Which vertices there are, what is known of each, and what is to be done next.
//
// Each vertex that the walk reached is a node. Its life, every step a task of the pool:
//   keys of all inputs known → FindKey → keyed; wanted → Look up → solved, or → inputs solved → Execute → solved
// All state is guarded by one mutex and moved on by Advance(), which submits the task that has become possible.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "executor/solver/workshop.h"

namespace slipway::solver {

/// What earlier attempts at the same solve have found out.
struct Attempt {
  std::set<layer::Key> lost;  ///< layers that cannot be had: no record with one of them is used
  bool last = false;          ///< whether a failure is final, whatever is the cause
};

class Solve {
 public:
  Solve(Workshop& workshop, const Context& ctx, ProgressSink& progress, const SolveOptions& options,
        const Attempt& attempt)
      : workshop_(workshop), ctx_(ctx.Child()), progress_(progress), options_(options), attempt_(attempt) {}

  Result<Solved> Do(const std::vector<graph::VertexPtr>& roots);
  /// After Do() has failed: further layers that cannot be had, for want of which it did. Empty: it had another cause.
  const std::set<layer::Key>& lost() const { return lost_; }

 private:
  struct Node {
    graph::VertexPtr vertex;
    VertexProgress progress;
    std::vector<Node*> inputs;
    std::vector<Node*> users;
    bool tainted = false;     // it or something below must not come from the cache
    bool remote = false;      // it is a download
    bool costly = false;      // its key takes a look at files that may not be here
    bool tried_link = false;  // used by its own task only, as are the next two
    bool started = false;     // people have been told of it
    ContentKey key;
    // Guarded by mutex_ once work has begun:
    size_t unkeyed = 0;  // inputs whose key is not known
    bool keyed = false;
    bool slow = false;         // its key takes long: if it is wanted, so is what it stands on, rather than later
    bool needs_files = false;  // its key takes files of inputs that are not solved
    bool wanted = false;       // its result is asked for
    bool looked_up = false;    // and is recorded nowhere
    bool busy = false;         // a task of it is under way
    bool solved = false;
    bool ended = false;    // solved or failed: nothing is listened to any more
    bool rekeyed = false;  // its key turned out to be another than the one that its users' keys were made of
    Output output;
    layer::Pin pin;
    std::string imported_from;
    std::shared_ptr<Execution> execution;
    int listener = 0;
  };
  using Task = void (Solve::*)(Node&);

  // The walk, before any task (solve_walk.cc).
  void Visit(const graph::VertexPtr& root);
  Node* NewNode(const graph::VertexPtr& vertex);
  bool FromDefinition(Node& node);
  void Connect();
  void ReportCachedBelow(const graph::VertexPtr& vertex);

  // With mutex_ held.
  void Advance(Node& node);
  void Submit(Node& node, Task task);
  void Want(Node& node);
  void MarkSlow(Node& node);
  bool FilesAreThere(const Node& node) const;
  bool MountAwaited(const Node& base) const;
  bool MountFollows(const Node& node) const;

  // Tasks.
  void FindKey(Node& node);
  Status FindKeyNow(Node& node);
  void LookUp(Node& node);
  bool LookUpNow(Node& node);
  void Execute(Node& node);
  Status Prepare(Node& node, Work* work);

  std::optional<Digest> FindLink(const Node& node);
  bool Adopt(Node& node, const CacheRecord& record);
  bool IsWhole(const layer::Chain& chain) const;
  bool Import(Node& node);
  void Keyed(Node& node, ContentKey key);
  void Listen(Node& node, const std::shared_ptr<Execution>& execution);
  void NodeSolved(Node& node);
  void Hit(Node& node);
  void Fail(Node& node, const Status& status);
  std::set<layer::Key> LostBelow(const Node& node);
  void Release();
  std::vector<Output> InputsOf(const Node& node);
  Digest LinkOfNode(const Node& node);
  bool HasPortableLink(const Node& node) const;

  Status WaitForAll();
  void LeaveAll(const Status& cause);
  void TellOfTheRest();
  void CollectResults(const std::vector<graph::VertexPtr>& roots, Solved* solved);

  // What people are told (solve_report.cc).
  void Start(Node& node);
  void TellHit(const graph::Vertex& vertex, const std::string& vertex_id, const std::string& imported_from);
  void TellMiss(const Node& node, const KeyParts& parts, bool shared);
  KeyParts PartsOf(const Node& node) const;
  RecordPlace PlaceOf(const graph::Vertex& vertex) const;

  Workshop& workshop_;
  const Context ctx_;
  ProgressSink& progress_;
  const SolveOptions& options_;
  const Attempt& attempt_;
  std::unordered_map<std::string, std::unique_ptr<Node>> nodes_;  // by definition: equal vertices are one
  std::set<Digest> reported_;                                     // definitions shown as cached without a node

  std::mutex mutex_;
  std::condition_variable_any changed_;
  size_t active_ = 0;  // tasks and listeners; guarded by mutex_, as all below
  Status failure_;
  std::set<layer::Key> lost_;  // what failure_ came of
  bool leaving_ = false;
  SolveStats stats_;
};

}  // namespace slipway::solver
