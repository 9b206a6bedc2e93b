// Scanner: what packages are in an image, from the files that package managers leave in it.
//
// Looks at the indexes of the layers and reads the few files that matter, from the layer that shows each; nothing is
// mounted or unpacked. Files that cannot be read as what they claim to be are told as problems, and the rest is found.
#pragma once

#include <string>
#include <vector>

#include "executor/attest/package.h"
#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/layer/store.h"
#include "executor/tree/entry.h"

namespace slipway::attest {

enum class FileKind {
  kNone,
  kOsRelease,
  kDpkg,
  kApk,
  kRpmSqlite,
  kRpmOther,  ///< a database of rpm in a format that is not read
  kNpmLock,
  kNpmPackage,
  kPython,
  kGoMod,
  kGemfileLock,
  kGemspec,
  kCargoLock,
  kComposer,
  kJar,
  kProgram,
};

/// What a file is, by its path, mode and size.
FileKind Classify(const tree::Entry& entry);

struct Findings {
  Distribution distribution;
  std::vector<Package> packages;      ///< sorted by package URL, each once
  std::vector<std::string> problems;  ///< what could not be read, and why
};

Result<Findings> Scan(const Context& ctx, layer::Store& layers, const layer::Chain& chain,
                      const VertexProgress& progress);

}  // namespace slipway::attest
