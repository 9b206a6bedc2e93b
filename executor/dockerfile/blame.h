// StepBlame: points the errors of a vertex at the instruction that it was made of, and there at the word that they are
// about.
//
// Whoever carries a vertex out knows nothing of Dockerfiles. Its messages quote what they are about, so the words of an
// instruction are noted here together with how messages quote them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/dockerfile/instructions.h"
#include "executor/dockerfile/lent_mounts.h"
#include "executor/graph/vertex.h"

namespace slipway::dockerfile {

/// A word of the Dockerfile that an error may be about.
struct Suspect {
  std::string quoted;  ///< as messages have it, with its quotes
  SourceRange where;   ///< the instruction that has the word
  std::string word;    ///< as written there
};

/// The words of an instruction that only its execution can find wrong, as written; in an order of our own.
std::vector<std::string> WordsOf(const Instruction& instruction);
/// The same words once they are expanded, with what they were before (`written`, by WordsOf).
std::vector<Suspect> SuspectsOf(const Instruction& expanded, const std::vector<std::string>& written,
                                const AbsolutePath& absolute);
/// For the names in "user[:group]" that stand at `where`.
std::vector<Suspect> UserSuspects(const std::string& user, const SourceRange& where, const std::string& written);

struct StepBlame {
  std::shared_ptr<const SourceText> source;
  SourceRange where;         ///< the instruction
  std::string word = {};     ///< what errors without a suspect are about; "" is the instruction
  std::string context = {};  ///< goes in front of messages; may be empty
  std::vector<Suspect> suspects = {};

  /// graph::Position::point.
  Status operator()(const Status& error, std::string_view name) const;
};

/// Where a vertex stands that StepBlame is for.
graph::Position PositionOf(StepBlame blame);

}  // namespace slipway::dockerfile
