// Any bytes are a layer or an error: decompression, tar headers with all extensions, whiteouts, the table of entries.
// What comes out is clean: sorted paths without "." and "..".
#include "executor/layer/archive.h"
#include "tests/fuzz/fuzz.h"

using slipway::fuzz::Must;
namespace layer = slipway::layer;
namespace oci = slipway::oci;

namespace {

bool CleanPath(std::string_view path) {
  if (path.empty()) return true;  // the root itself
  if (path.front() == '/' || path.back() == '/') return false;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = slash + 1;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = slipway::fuzz::Text(data, size);
  const layer::ByteSource source = [&rest](std::span<char> buffer) -> slipway::Result<size_t> {
    const size_t count = std::min(rest.size(), buffer.size());
    std::copy_n(rest.data(), count, buffer.data());
    rest.remove_prefix(count);
    return count;
  };
  layer::ArchiveLimits limits;
  limits.max_entries = 1000;
  limits.max_total_bytes = 16U << 20;
  limits.max_file_bytes = 8U << 20;
  limits.max_table_bytes = 4U << 20;
  const oci::Compression compression =
      !rest.empty() && rest.front() == '\x1f' ? oci::Compression::kGzip : oci::Compression::kNone;
  const auto index = layer::IndexLayer(slipway::Context::Background(), source, compression, {}, limits);
  if (!index.ok()) {
    Must(index.code() != slipway::Code::kInternal, "bad input is not our bug");
    return 0;
  }
  Must(index->size() <= limits.max_entries + 1, "the number of entries is bounded");
  const slipway::tree::Entry* before = nullptr;
  for (const slipway::tree::Entry& entry : index->entries()) {
    Must(CleanPath(entry.path), "paths are clean");
    Must(before == nullptr || slipway::tree::PathLess(before->path, entry.path), "paths are sorted, each once");
    before = &entry;
  }
  return 0;
}
