// Explain: what a content key was made of, and the first thing that two keys differ by.
//
// The parts of a key are kept with its record, bounded, so that a later miss can be explained. Values of secrets are
// never among them. Plain data and free functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/cache_step.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::solver {

/// One thing that a key was made of. Kinds in the order in which differences are told.
struct KeyPart {
  enum class Kind {
    kBase = 1,     ///< name: reference; value: digest
    kStepBelow,    ///< name: of the vertex; value: its key
    kInstruction,  ///< value: the command
    kArgument,
    kEnvironment,
    kSetting,
    kRemote,  ///< name: URL; value: what it gave
    kFile,    ///< value: FileValue()
    kSecret,  ///< name: what had a secret in it; no value
  };
  Kind kind = Kind::kSetting;
  std::string name;
  std::string value;
  bool operator==(const KeyPart&) const = default;
};
using KeyParts = std::vector<KeyPart>;

/// The value of a kFile part: type, mode, owner, and content, link target or device.
std::string FileValue(const tree::Entry& entry);
void AppendFileValue(const tree::Entry& entry, std::string* out);

/// Gives kFile parts to `take`, one after the other, until that is false. May be called several times.
using EachFile = std::function<void(const std::function<bool(std::string_view name, std::string_view value)>& take)>;
/// Folds the kFile parts together by folder until there are at most `most`; a folder's name ends in '/'. `more` files
/// (may be null) are added as if they stood in `parts`, but however many they are they never do.
void FoldFiles(KeyParts& parts, size_t most, const EachFile& more = nullptr);
/// Replaces secrets in the values (names of files, and digests, are left alone) and notes where there were some.
void HideSecrets(KeyParts& parts, const std::vector<std::string>& secrets);

/// As text: a line a part.
std::string EncodeParts(const KeyParts& parts);
KeyParts DecodeParts(std::string_view text);

/// Fills cause, subject, change, before, after and more of `step`; how many parts differ. With no difference that can
/// be told, kSecret if there were secrets, else kNone.
int Compare(const KeyParts& earlier, const KeyParts& now, CacheStep* step);

}  // namespace slipway::solver
