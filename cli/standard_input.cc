#include "cli/standard_input.h"

#include <span>

#include "executor/base/fs.h"

namespace slipway::cli {

Result<std::string> ReadStandardInput(int fd, uint64_t most, std::string_view what) {
  std::string text(most + 1, '\0');
  Result<size_t> got = fs::ReadFull(fd, std::span(text.data(), text.size()));
  if (!got.ok()) return std::move(got).status().With(fmt::format("read {} from standard input", what));
  if (*got > most) return ResourceExhausted("{} on standard input is larger than {} bytes", what, most);
  text.resize(*got);
  return text;
}

}  // namespace slipway::cli
