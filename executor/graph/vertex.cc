#include "executor/graph/vertex.h"

#include <functional>
#include <unordered_set>

namespace slipway::graph {

namespace {

void Add(Hasher& hasher, const std::vector<std::string>& list) {
  hasher.Field(static_cast<uint64_t>(list.size()));
  for (const std::string& item : list) hasher.Field(item);
}

void Add(Hasher& hasher, const std::optional<Owner>& owner) {
  hasher.Field(static_cast<uint64_t>(owner.has_value()));
  if (owner) hasher.Field(owner->user).Field(owner->group);
}

void Add(Hasher& hasher, const std::optional<int64_t>& number) {
  hasher.Field(static_cast<uint64_t>(number.has_value())).Field(static_cast<uint64_t>(number.value_or(0)));
}

void Add(Hasher& hasher, const CopyAction& copy) {
  hasher.Field("copy").Field(copy.input);
  Add(hasher, copy.sources);
  hasher.Field(copy.destination);
  hasher.Field(static_cast<uint64_t>(copy.wildcards) | static_cast<uint64_t>(copy.must_exist) << 1 |
               static_cast<uint64_t>(copy.unpack) << 2 | static_cast<uint64_t>(copy.contents) << 3 |
               static_cast<uint64_t>(copy.parents) << 4);
  Add(hasher, copy.exclude);
  Add(hasher, copy.owner);
  hasher.Field(copy.mode);
  Add(hasher, copy.mtime);
}

void Add(Hasher& hasher, const MakeDirAction& make) {
  hasher.Field("mkdir").Field(make.path).Field(make.mode);
  hasher.Field(static_cast<uint64_t>(make.parents) | static_cast<uint64_t>(make.must_not_exist) << 1);
  Add(hasher, make.owner);
  Add(hasher, make.mtime);
}

void Add(Hasher& hasher, const MakeFileAction& make) {
  hasher.Field("mkfile").Field(make.path).Field(make.content).Field(make.mode);
  Add(hasher, make.owner);
  Add(hasher, make.mtime);
}

void Add(Hasher& hasher, const ExecMount& mount) {
  hasher.Field(static_cast<uint64_t>(mount.type)).Field(mount.target).Field(static_cast<uint64_t>(mount.read_only));
  hasher.Field(mount.input ? *mount.input + 1 : 0).Field(mount.source).Field(mount.id);
  hasher.Field(static_cast<uint64_t>(mount.sharing)).Field(mount.size_bytes);
  hasher.Field(static_cast<uint64_t>(mount.env.has_value())).Field(mount.env.value_or(""));
  hasher.Field(mount.mode ? uint64_t{*mount.mode} + 1 : 0).Field(mount.uid).Field(mount.gid);
}

void Add(Hasher& hasher, const SourceOp& op) { hasher.Field("source").Field(op.identity.hex()); }

void Add(Hasher& hasher, const HttpOp& op) {
  hasher.Field("http").Field(op.url).Field(op.checksum.hex()).Field(op.name);
}

void Add(Hasher& hasher, const GitOp& op) {
  hasher.Field("git").Field(op.url).Field(static_cast<uint64_t>(op.keep_git_dir)).Field(op.checksum);
}

void Add(Hasher& hasher, const FileOp& op) {
  hasher.Field("file").Field(static_cast<uint64_t>(op.link)).Field(static_cast<uint64_t>(op.actions.size()));
  for (const FileAction& action : op.actions) {
    std::visit([&hasher](const auto& a) { Add(hasher, a); }, action);
  }
}

void Add(Hasher& hasher, const ExecOp& op) {
  hasher.Field("exec");
  Add(hasher, op.args);
  Add(hasher, op.env);
  hasher.Field(op.cwd)
      .Field(op.user)
      .Field(static_cast<uint64_t>(op.network))
      .Field(static_cast<uint64_t>(op.insecure));
  hasher.Field(static_cast<uint64_t>(op.mounts.size()));
  for (const ExecMount& mount : op.mounts) Add(hasher, mount);
  hasher.Field(static_cast<uint64_t>(op.extra_hosts.size()));
  for (const auto& [name, address] : op.extra_hosts) hasher.Field(name).Field(address);
  Add(hasher, op.ulimits);
  hasher.Field(op.shm_bytes).Field(op.hostname);
}

}  // namespace

void AddToDigest(const Op& op, Hasher& hasher) {
  std::visit([&hasher](const auto& o) { Add(hasher, o); }, op);
}

VertexPtr Make(Op op, std::vector<VertexPtr> inputs, VertexInfo info) {
  Hasher hasher;
  hasher.Field("slipway vertex 1");
  AddToDigest(op, hasher);
  hasher.Field(std::holds_alternative<ExecOp>(op) ? info.platform.ToString() : "");
  hasher.Field(static_cast<uint64_t>(inputs.size()));
  for (const VertexPtr& input : inputs) hasher.Field(input->definition.hex());
  return std::make_shared<const Vertex>(Vertex{.op = std::move(op),
                                               .inputs = std::move(inputs),
                                               .name = std::move(info.name),
                                               .position = std::move(info.position),
                                               .place = std::move(info.place),
                                               .platform = std::move(info.platform),
                                               .no_cache = info.no_cache,
                                               .definition = hasher.Finish()});
}

std::vector<VertexPtr> Topological(const std::vector<VertexPtr>& roots) {
  std::vector<VertexPtr> out;
  std::unordered_set<const Vertex*> seen;
  // An explicit stack: a Dockerfile may be thousands of instructions deep.
  struct Frame {
    VertexPtr vertex;
    size_t next = 0;
  };
  std::vector<Frame> stack;
  const auto visit = [&](const VertexPtr& vertex) {
    if (seen.insert(vertex.get()).second) stack.push_back({vertex});
  };
  for (const VertexPtr& root : roots) {
    visit(root);
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.vertex->inputs.size()) {
        visit(top.vertex->inputs[top.next++]);
      } else {
        out.push_back(std::move(top.vertex));
        stack.pop_back();
      }
    }
  }
  return out;
}

}  // namespace slipway::graph
