#include "executor/layer/downloads.h"

#include "executor/base/log.h"

namespace slipway::layer {

std::shared_ptr<Transfer> Downloads::Join(const Remote& place) {
  const Digest& blob = place.descriptor.digest;
  auto transfers = transfers_.Lock();
  std::erase_if(*transfers, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<Transfer>& slot = (*transfers)[blob];
  std::shared_ptr<Transfer> transfer = slot.lock();
  if (transfer != nullptr && !transfer->failed()) return transfer;
  // One may have ended since somebody looked.
  if (content_.Has(blob)) return nullptr;
  auto begun = std::make_shared<Transfer>(content_, fetch_, place);
  slot = begun;
  return begun;
}

Status Downloads::Ensure(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress) {
  Status last = NotFound("no registry is known to have the layer");
  for (const Remote& place : places) {
    if (content_.Has(place.descriptor.digest)) return Status();
    const std::shared_ptr<Transfer> transfer = Join(place);
    if (transfer == nullptr) return Status();
    const Transfer::Listener listener(*transfer, progress);
    last = transfer->Wait(ctx);
    if (last.ok() || ctx.Done()) return last;
  }
  return last;
}

ByteSource Downloads::Counted(ByteSource source) {
  return [this, source = std::move(source)](std::span<char> buffer) {
    auto got = source(buffer);
    if (got.ok()) bytes_read_ += *got;
    return got;
  };
}

// The status of `use`, if the content store has the blob from one of the places.
std::optional<Status> Downloads::ReadHere(const std::vector<Remote>& places, const Use& use) {
  for (const Remote& place : places) {
    if (!content_.Has(place.descriptor.digest)) continue;
    const auto blob = content_.Open(place.descriptor.digest);
    if (!blob.ok()) continue;
    const auto compression = oci::LayerCompression(place.descriptor.media_type);
    return compression.ok() ? use(Counted(ReadBlob(*blob)), *compression) : compression.status();
  }
  return std::nullopt;
}

Status Downloads::Read(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress,
                       const Use& use) {
  if (places.empty()) return NotFound("no registry is known to have the layer");
  if (std::optional<Status> read = ReadHere(places, use)) return *std::move(read);
  const Remote& first = places.front();
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Compression compression, oci::LayerCompression(first.descriptor.media_type));
  if (const std::shared_ptr<Transfer> transfer = Join(first)) {
    const Transfer::Listener listener(*transfer, progress);
    const auto source = [&, position = uint64_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, transfer->ReadAt(ctx, buffer, position));
      position += got;
      return got;
    };
    Status read = use(Counted(source), compression);
    const Status stored = transfer->Wait(ctx);
    if (read.ok() && !stored.ok() && !ctx.Done()) spdlog::warn("keep a downloaded layer: {}", stored.message());
    // If the bytes are right, the layer is not.
    if (read.ok() || stored.ok() || ctx.Done()) return read;
  }
  // Where the first place fails the others are tried, one after the other, into the store.
  SLIPWAY_RETURN_IF_ERROR(Ensure(ctx, places, progress));
  if (std::optional<Status> read = ReadHere(places, use)) return *std::move(read);
  return NotFound("blob '{}' vanished while it was used", first.descriptor.digest);
}

}  // namespace slipway::layer
