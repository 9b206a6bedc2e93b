// The build graph: vertices with their inputs, and the digest of what each is defined to do. No execution here.
//
// A frontend makes vertices bottom up with Make(); they are immutable and shared. The result of every vertex is a file
// system (a chain of layers), so an edge is just "the file system that this vertex gives".
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/graph/lent.h"
#include "executor/layer/store.h"
#include "executor/oci/platform.h"

namespace slipway::graph {

struct Vertex;
using VertexPtr = std::shared_ptr<const Vertex>;

/// Where in the Dockerfile (or elsewhere) a vertex comes from, for messages.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;  ///< 0: not known
  /// Puts the place and the vertex's name in front of an error, and shows the text there. Null: the three above and the
  /// name say it all.
  std::function<Status(const Status& error, std::string_view name)> point = {};
};

/// Which instruction a vertex is, so that it can be found again in other builds of the same Dockerfile. Not part of
/// what it is.
struct Place {
  std::string stage;        ///< its name for people; "" if it is the only one
  int step = 0;             ///< number within the stage, FROM is 1; 0: no instruction
  std::string instruction;  ///< as written
};

/// A file system that exists: a resolved image, a build context, a fetched git tree. Its layers are known already, so
/// nothing is executed. An empty chain is scratch.
struct SourceOp {
  layer::Chain chain;
  Digest identity;  ///< of the content: equal identities are equal file systems
  /// Of an image: the digest that its name stands for. For people; not part of what it is.
  Digest origin = {};
  /// Of a build context: why `path` is not in it although one might think so, as the end of a sentence that begins with
  /// the path: "is left out by …". "" if there is nothing to say. May be null; not part of what it is.
  std::function<std::string(const std::string& path)> why_missing = {};
};

/// A file behind a URL, as ADD fetches it: one file in an otherwise empty file system.
struct HttpOp {
  std::string url;
  Digest checksum;   ///< empty: any content
  std::string name;  ///< of the file; "": by what the server says, else by the URL
};

/// A git repository as ADD fetches it.
struct GitOp {
  std::string url;  ///< with "#ref:folder"
  bool keep_git_dir = false;
  std::string checksum;  ///< commit id that the reference must be; "" for any
  LentPtr lent;          ///< not part of the definition
};

/// Owner of copied or made files. Names are looked up in the passwd and group files of `input 0`.
struct Owner {
  std::string user;   ///< name or number; "" is root
  std::string group;  ///< "" is the user's primary group if it is named there, else as the number of the user
};

/// Who a process runs as: "user[:group]" as USER has it.
using UserSpec = std::string;

struct CopyAction {
  size_t input = 1;                  ///< vertex input that is copied from
  std::vector<std::string> sources;  ///< paths in it, with wildcards if `wildcards`
  std::string destination;           ///< absolute; a trailing slash says folder
  bool wildcards = true;
  bool must_exist = true;            ///< a source (after wildcards) that matches nothing is an error
  bool unpack = false;               ///< ADD: archives among the sources are extracted
  bool contents = true;              ///< a folder's contents are copied, not the folder itself
  bool parents = false;              ///< --parents: keep the source's folders (after the "/./" pivot)
  std::vector<std::string> exclude;  ///< ignore patterns
  std::optional<Owner> owner;        ///< --chown; unset: 0:0 ... of contexts, as they are otherwise
  std::string mode;                  ///< --chmod: octal or symbolic; "" leaves modes alone
  std::optional<int64_t> mtime;      ///< seconds; set on all that is copied
};

struct MakeDirAction {
  std::string path;
  uint32_t mode = 0755;
  bool parents = true;
  bool must_not_exist = false;
  std::optional<Owner> owner;
  std::optional<int64_t> mtime;
};

struct MakeFileAction {
  std::string path;
  std::string content;
  uint32_t mode = 0644;
  std::optional<Owner> owner;
  std::optional<int64_t> mtime;
};

using FileAction = std::variant<CopyAction, MakeDirAction, MakeFileAction>;

/// Changes files without running a program: COPY, ADD, WORKDIR. Input 0 is the file system changed; one layer is added,
/// also if nothing changes.
struct FileOp {
  std::vector<FileAction> actions;
  /// COPY --link: the layer is made on scratch, so it does not depend on input 0 (which is then only put below it).
  bool link = false;
};

enum class MountType { kBind, kCache, kTmpfs, kSecret, kSsh };
enum class CacheSharing { kShared, kPrivate, kLocked };

struct ExecMount {
  MountType type = MountType::kBind;
  std::string target;  ///< absolute path
  bool read_only = false;
  std::optional<size_t> input;  ///< kBind and kCache: what is mounted (or seeds the cache); none: an empty folder
  std::string source;           ///< path in that input
  std::string id;               ///< cache, secret, ssh
  CacheSharing sharing = CacheSharing::kShared;
  uint64_t size_bytes = 0;         ///< tmpfs
  bool required = false;           ///< secret, ssh
  std::optional<std::string> env;  ///< secret given in this variable
  std::optional<uint32_t> mode;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

enum class Network { kDefault, kNone, kHost };

/// Runs a program. Input 0 is the root file system; one layer is added: what the program changed.
struct ExecOp {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  UserSpec user;
  Network network = Network::kDefault;
  bool insecure = false;
  std::vector<ExecMount> mounts;
  std::vector<std::pair<std::string, std::string>> extra_hosts;  ///< name, address
  std::vector<std::string> ulimits;                              ///< "nofile=1024:2048"
  uint64_t shm_bytes = 0;
  std::string hostname;
  /// Environment that reaches the program but not the cache key (proxies).
  std::vector<std::string> uncached_env;
  LentPtr lent;  ///< not part of the definition
  /// Which names of `env` are build arguments; for people, not part of what it is.
  std::vector<std::string> arg_names;
};

using Op = std::variant<SourceOp, HttpOp, GitOp, FileOp, ExecOp>;

struct Vertex {
  Op op;
  std::vector<VertexPtr> inputs;
  std::string name;  ///< "[build 2/5] RUN make"
  Position position;
  Place place;
  oci::Platform platform;
  bool no_cache = false;  ///< never taken from the cache (but recorded in it)
  /// The definition key: the operation, its arguments and the definition keys of its inputs.
  Digest definition;
};

/// Everything that makes an op what it is; what two equal ops have equal. Secrets count by id.
void AddToDigest(const Op& op, Hasher& hasher);

struct VertexInfo {
  std::string name;
  Position position;
  oci::Platform platform;
  bool no_cache = false;
  Place place = {};
};

/// Makes a vertex and its definition key.
VertexPtr Make(Op op, std::vector<VertexPtr> inputs, VertexInfo info);

/// All vertices below `roots`, inputs before their users, each once.
std::vector<VertexPtr> Topological(const std::vector<VertexPtr>& roots);

}  // namespace slipway::graph
