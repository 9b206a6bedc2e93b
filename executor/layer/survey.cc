#include "executor/layer/survey.h"

#include <algorithm>

#include "executor/oci/manifest.h"

namespace slipway::layer {

namespace {

/// Of smaller layers all is soon done.
constexpr uint64_t kWorthIt = 32U << 20;
constexpr uint64_t kPlaces = 64;
constexpr size_t kSample = 16U << 10;
/// What the fast codec leaves more than this of counts as bytes that no codec makes smaller.
constexpr double kIncompressible = 0.9;
/// The fast codec makes up to a fifth more of what compresses well; of a third of the blob that is 7 %.
constexpr double kMostCompressible = 1.0 / 3;

class Survey {
 public:
  explicit Survey(const EntrySource& source) : source_(source) {}

  /// Samples of equal length at equal distances, whatever files they fall into.
  Effort Run(uint64_t bytes) {
    const uint64_t step = bytes / kPlaces;
    uint64_t begin = 0;  // of the file, in all files' bytes
    uint64_t next = step / 2;
    for (const tree::Entry& entry : source_.tree->entries()) {
      if (!entry.is_file()) continue;
      for (; next < begin + entry.size; next += step) Sample(entry, next - begin);
      begin += entry.size;
    }
    return compressible_ <= kMostCompressible * (compressible_ + incompressible_) ? Effort::kFast : Effort::kDense;
  }

 private:
  // What cannot be read is passed over: whoever reads it all tells what is wrong.
  void Sample(const tree::Entry& file, uint64_t at) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(kSample, file.size));
    at = std::min(at, file.size - wanted);
    const auto blob = source_.open(file);
    if (!blob.ok()) return;
    plain_.Reserve(kSample);
    const auto got = blob->ReadAt(std::span(plain_.data(), wanted), at);
    if (!got.ok() || *got == 0 || !codec_->Compress({}, {plain_.data(), *got}, packed_).ok()) return;
    const double ratio = static_cast<double>(packed_.view().size()) / static_cast<double>(*got);
    (ratio > kIncompressible ? incompressible_ : compressible_) += ratio;
  }

  const EntrySource& source_;
  const std::unique_ptr<BlockCodec> codec_ = StreamFormat(oci::Compression::kGzip, -1, Effort::kFast).NewCodec();
  ByteBuffer plain_;
  ByteBuffer packed_;
  double compressible_ = 0;
  double incompressible_ = 0;
};

}  // namespace

Effort SurveyEffort(const EntrySource& source) {
  const uint64_t bytes = source.tree->content_bytes();
  return bytes < kWorthIt ? Effort::kDense : Survey(source).Run(bytes);
}

}  // namespace slipway::layer
