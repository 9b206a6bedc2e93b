#include "cli/content_ahead.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "executor/base/fs.h"

namespace slipway::cli {

namespace {
constexpr size_t kMessageBytes = 1U << 20;
/// What a file takes in a message beside its bytes, at most.
constexpr size_t kFrame = 16;
/// A smaller file is sent sooner than it is found out whether it changed: the daemon does, by the digest.
constexpr uint64_t kWorthAsking = 64U << 10;
}  // namespace

// One for each thread that reads, and one that is done when it is asked for. A file that was handed over is not taken
// before its message comes, so there are fewer of those than may be on their way.
bool ContentAhead::MayStart() const {
  return at_ < wanted_.size() && batches_.size() <= pool_.size() && untold_ + 1 < HandoverSender::kAhead;
}

Result<std::unique_ptr<ContentAhead::Message>> ContentAhead::Next() {
  while (MayStart()) SLIPWAY_RETURN_IF_ERROR(Start());
  if (batches_.empty()) return std::unique_ptr<Message>();
  const std::unique_ptr<Batch> batch = std::move(batches_.front());
  batches_.pop_front();
  if (batch->handed_over) --untold_;
  SLIPWAY_RETURN_IF_ERROR(batch->reading.Wait());
  return std::move(batch->message);
}

Status ContentAhead::Start() {
  SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
  auto batch = std::make_unique<Batch>(pool_);
  while (at_ < wanted_.size() && TakeSmall(*batch)) {
  }
  if (batch->pieces.empty() && at_ < wanted_.size()) SLIPWAY_RETURN_IF_ERROR(TakeLarge(*batch));
  if (batch->pieces.empty() && !batch->handed_over) return Status();  // there were but empty files
  if (!batch->handed_over) {
    batch->reading.Run([this, b = batch.get()] { return b->fd != nullptr ? ReadPiece(*b) : ReadFiles(*b); });
  }
  batches_.push_back(std::move(batch));
  return Status();
}

// The next file, if it is a small one and has room.
bool ContentAhead::TakeSmall(Batch& batch) {
  const ContextEntry& entry = entries_[wanted_[at_]];
  const uint64_t size = entry.stamp.size;
  if (size > kMessageBytes) return false;
  if (!batch.pieces.empty() && batch.weight + size + kFrame > kMessageBytes) return false;
  if (size > 0) batch.pieces.push_back({.entry = wanted_[at_], .offset = 0, .size = size});
  batch.weight += size + kFrame;
  batch.message->bytes += size;
  ++batch.message->files;
  ++at_;
  return true;
}

// The next file, a large one, or a piece of it.
Status ContentAhead::TakeLarge(Batch& batch) {
  if (offset_ == 0) {
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, OpenUnchanged(opener_, entries_[wanted_[at_]]));
    fd_ = std::make_shared<const UniqueFd>(std::move(fd));
    if (HandOver(batch)) return Status();
  }
  Cut(batch);
  return Status();
}

bool ContentAhead::HandOver(Batch& batch) {
  if (handover_ == nullptr || !handover_->Send(ctx_, wanted_[at_], fd_->get())) return false;
  v1::FilePart* part = batch.message->request.mutable_contents()->add_parts();
  part->set_entry(wanted_[at_]);
  part->set_handed_over(true);
  batch.handed_over = true;
  ++untold_;
  batch.message->bytes += entries_[wanted_[at_]].stamp.size;
  ++batch.message->files;
  fd_.reset();
  ++at_;
  return true;
}

void ContentAhead::Cut(Batch& batch) {
  const ContextEntry& entry = entries_[wanted_[at_]];
  const uint64_t size = std::min<uint64_t>(kMessageBytes, entry.stamp.size - offset_);
  batch.pieces.push_back({.entry = wanted_[at_], .offset = offset_, .size = size});
  batch.fd = fd_;
  batch.message->bytes += size;
  offset_ += size;
  if (offset_ < entry.stamp.size) return;
  ++batch.message->files;
  offset_ = 0;
  fd_.reset();
  ++at_;
}

Status ContentAhead::ReadFiles(Batch& batch) const {
  FileOpener opener(root_fd_);
  uint64_t largest = 0;
  for (const Piece& piece : batch.pieces) largest = std::max(largest, piece.size);
  const auto buffer = std::make_unique_for_overwrite<char[]>(largest + 1);
  v1::ContentChunk& contents = *batch.message->request.mutable_contents();
  contents.mutable_parts()->Reserve(static_cast<int>(batch.pieces.size()));
  for (const Piece& piece : batch.pieces) {
    const ContextEntry& entry = entries_[piece.entry];
    v1::FilePart* part = contents.add_parts();
    part->set_entry(piece.entry);
    if (entry.has_content) {
      part->set_data(entry.content);
      continue;
    }
    Result<UniqueFd> fd = opener.Open(entry.path);
    if (fd.code() == Code::kNotFound) return FileChanged(entry.path);
    if (!fd.ok()) return ExplainUnopened(std::move(fd).status());
    // One call reads the file and finds its end.
    const ssize_t got = ::read(fd->get(), buffer.get(), piece.size + 1);
    if (got < 0) return ErrnoStatus(errno, fmt::format("read '{}' of the context", entry.path));
    bool same = static_cast<uint64_t>(got) == piece.size;
    if (same && piece.size >= kWorthAsking) {
      SLIPWAY_ASSIGN_OR_RETURN(same, IsUnchanged(fd->get(), entry));
    }
    if (!same) return FileChanged(entry.path);
    part->set_data(buffer.get(), piece.size);
  }
  return Status();
}

Status ContentAhead::ReadPiece(Batch& batch) const {
  const Piece& piece = batch.pieces.front();
  const ContextEntry& entry = entries_[piece.entry];
  v1::FilePart* part = batch.message->request.mutable_contents()->add_parts();
  part->set_entry(piece.entry);
  std::string& data = *part->mutable_data();
  data.resize(piece.size);
  auto got = fs::ReadFullAt(batch.fd->get(), std::span(data.data(), data.size()), static_cast<int64_t>(piece.offset));
  if (!got.ok()) return std::move(got).status().With(fmt::format("read '{}' of the context", entry.path));
  if (*got != piece.size) return FileChanged(entry.path);
  if (piece.offset + piece.size < entry.stamp.size) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const bool same, IsUnchanged(batch.fd->get(), entry));
  return same ? Status() : FileChanged(entry.path);
}

}  // namespace slipway::cli
