// DockerfileChoice: which file -f names, which ignore file goes with it, and how the daemon comes by its text.
//
// A Dockerfile that is a plain file of the context is read there by the daemon. One that lies elsewhere, is a link,
// comes from standard input or is hidden by the ignore file is sent apart, so that it is read without being visible to
// COPY.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/source_location.h"
#include "executor/base/status.h"

namespace slipway::cli {

/// The daemon takes no longer Dockerfile apart from a context.
inline constexpr uint64_t kMaxDockerfileBytes = 1U << 20;

struct DockerfileChoice {
  std::string context_path;  ///< path in the context, or only its name where it is sent apart
  std::string host_path;     ///< where it lies on this machine; empty for standard input or a remote context
  bool apart = false;        ///< `content` is sent
  std::string content;
  std::string note;  ///< something to tell the user; often empty
};

/// `flag` is the value of -f, empty if not given: relative to the current folder if it exists there, else to the
/// context. Reads standard input (descriptor `stdin_fd`) where `flag` or the source is "-". NOT_FOUND names the places
/// looked at.
Result<DockerfileChoice> ChooseDockerfile(const SourceLocation& source, const std::string& flag, int stdin_fd);

/// Makes the Dockerfile one that is sent apart.
Status SendApart(DockerfileChoice* choice);

/// The patterns that apply to the folder `context`: of `<Dockerfile>.dockerignore` beside the Dockerfile if there is
/// such a file, else of `.dockerignore` in the folder. INVALID_ARGUMENT names the file.
Result<std::vector<std::string>> ReadIgnorePatterns(const std::string& context, const DockerfileChoice& choice);

/// Adds what keeps the ignore file itself in what is sent, where it leaves itself out: the daemon needs it to say why a
/// file is missing, and hides it from COPY.
void KeepIgnoreFile(const DockerfileChoice& choice, std::vector<std::string>* patterns);

/// Patterns that leave nothing of a folder but the Dockerfile and the ignore files: all that a check looks at.
std::vector<std::string> PatternsForCheck(const DockerfileChoice& choice);

}  // namespace slipway::cli
