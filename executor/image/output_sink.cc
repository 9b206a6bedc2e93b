#include "executor/image/output_sink.h"

#include "executor/layer/tar_writer.h"

namespace slipway::image {

Status TarOutput::Entry(const tree::Entry& entry) {
  if (done_ != size_) return Internal("an output's file ended after {} of {} bytes", done_, size_);
  size_ = entry.is_file() ? entry.size : 0;
  done_ = 0;
  header_.clear();
  SLIPWAY_RETURN_IF_ERROR(layer::AppendTarHeader(entry, {.clamp_mtime = std::nullopt, .all_xattrs = true}, header_));
  return write_(header_);
}

Status TarOutput::Data(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(write_(bytes));
  done_ += bytes.size();
  if (done_ > size_) return Internal("an output's file has more than its {} bytes", size_);
  return done_ == size_ ? write_(layer::TarPadding(size_)) : Status();
}

Status TarOutput::Finish() {
  if (done_ != size_) return Internal("an output's file ended after {} of {} bytes", done_, size_);
  return write_(layer::TarTrailer());
}

}  // namespace slipway::image
