// TarTree: makes a tree out of an archive's entries as they come, and says what that does to a folder.
//
// Entries are placed as an unpacker in the root of a file system would place them: names are cleaned and clamped at the
// root, symbolic links among the parents are followed inside the root, later entries replace earlier ones, hard links
// join what they name. All of that is decided on the table alone; whoever unpacks is told, through TreeSink, what to
// make and remove, and never has a path of which a parent is not a real folder. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/layer/archive.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// Is told each change, in order. Paths are clean; their parents are folders that were made before.
class TreeSink {
 public:
  virtual ~TreeSink() = default;
  /// Removes what is at `path`; if it is a folder, with all below it.
  virtual Status Remove(const std::string& path, bool folder) = 0;
  virtual Status MakeFolder(const std::string& path) = 0;
  /// A symlink, device, fifo or whiteout.
  virtual Status MakeNode(const std::string& path, const tree::Entry& entry) = 0;
  virtual Status MakeLink(const std::string& path, const std::string& target) = 0;
  /// Gives a file that is there another owner, mode, time and attributes.
  virtual Status ChangeFile(const std::string& path, const tree::Entry& entry) = 0;
  /// A file of the layers below that a hard link names.
  virtual Status CopyUp(const std::string& path, const tree::Entry& entry) = 0;
};

class TarTree {
 public:
  enum class Meaning {
    kPlain,  ///< a file system: ".wh." means nothing, a hard link must name an earlier entry
    kLayer,  ///< a layer: ".wh." names are whiteouts, a hard link may name what is below
  };

  /// `lower` may be null; so may `sink`, for a table only. Both must outlive the tree.
  TarTree(Meaning meaning, const ArchiveLimits& limits, const LowerAccess* lower, TreeSink* sink);

  /// Places an entry as TarReader gave it. If it is a file, the sink must now write its content to the path that is
  /// returned; for anything else there is nothing more to do and the result is empty. Valid until the next call.
  Result<const std::string*> Place(tree::Entry entry);
  /// The content digest of the file that was placed last.
  void SetDigest(const Digest& digest);

  /// Whether the layers below were asked for anything.
  bool asked_lower() const { return asked_lower_; }

  /// All folders as they must be in the end, those that only follow from what is below them too; for their owners,
  /// modes and times, which making other things in them would change again.
  Status ForEachFolder(
      const std::function<Status(const std::string& path, const tree::Entry& entry, bool implied)>& visit) const;

  /// The table: without what the archive did not name (but an opaque folder needs its entry). The tree is empty
  /// afterwards.
  tree::Tree Take();

 private:
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return tree::PathLess(a, b); }
  };
  struct Node {
    tree::Entry entry;     // its path is the map's key and not filled in here
    bool implied = false;  // not named by the archive
    int64_t group = -1;    // files with several names: index into groups_
  };
  using Nodes = std::map<std::string, Node, Less>;
  struct Group {
    tree::Entry file;
    std::string below;  // the name's path if the file is that of a lower layer
    std::string first;  // while the table is taken: the name that became the file
  };

  Status Count(const tree::Entry& entry);
  /// What is kept in memory from now on, until all of the table goes.
  Status CountBytes(uint64_t bytes);
  Node* Find(std::string_view path);
  Result<Nodes::iterator> Insert(const std::string& path, Node node);
  /// Clears the way at `path`. True if there was anything.
  Result<bool> Clear(const std::string& path);

  Result<std::string> WalkFolders(std::string_view folder);
  Result<std::optional<std::string>> EnterFolder(const std::string& path, bool may_make);
  Status MakeImplied(const std::string& path, tree::Entry entry);
  /// What the layers below have at `path`; nothing if they have nothing, or this layer hides it.
  Result<std::optional<tree::Entry>> AskLower(const std::string& path);

  Status PlaceWhiteout(const std::string& folder, std::string_view base);
  Status PlaceOpaque(const std::string& folder);
  Status PlaceFolder(const std::string& path, tree::Entry entry);
  Status PlaceNode(const std::string& path, tree::Entry entry);
  Status PlaceLink(const std::string& path, tree::Entry entry);
  Status PlaceLinkTo(const std::string& path, const std::string& target, Node& file, const tree::Entry& link);
  Status PlaceLinkBelow(const std::string& path, const std::string& target, tree::Entry entry);
  Status CopyUpAndLink(const std::string& path, const std::string& target, tree::Entry file, const tree::Entry& link);
  Status TakeOver(const tree::Entry& link, tree::Entry& file, const std::string& path);
  tree::Entry Final(Node node, const std::string& path);

  const Meaning meaning_;
  const ArchiveLimits& limits_;
  const LowerAccess* lower_;
  TreeSink* sink_;
  Nodes nodes_;
  Nodes::iterator last_;     // where the last entry went: the hint for the next
  std::string folder_name_;  // the folder that was walked last, as the archive names it,
  std::string folder_real_;  // and what it came to; empty name: none
  std::vector<Group> groups_;
  uint64_t entries_ = 0;
  uint64_t content_bytes_ = 0;
  uint64_t table_bytes_ = 0;
  bool asked_lower_ = false;
};

}  // namespace slipway::layer
