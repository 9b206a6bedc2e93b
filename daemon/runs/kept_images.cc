#include "daemon/runs/kept_images.h"

#include <algorithm>

namespace slipway::runs {

// Images are let go outside of the lock: that ends leases.

void KeptImages::Hold(const std::string& run_id, Image image) {
  Kept pushed_out;
  Kept fresh{.image = std::move(image), .until = clock_.Steady() + kKeep};
  auto images = images_.Lock();
  if (images->size() >= kMost && !images->contains(run_id)) {
    const auto first = std::min_element(images->begin(), images->end(),
                                        [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
    pushed_out = std::move(first->second);
    images->erase(first);
  }
  std::swap((*images)[run_id], fresh);
}

KeptImages::Image KeptImages::Find(const std::string& run_id) {
  auto images = images_.Lock();
  const auto found = images->find(run_id);
  if (found == images->end()) return {};
  found->second.until = clock_.Steady() + kKeep;
  return found->second.image;
}

void KeptImages::Sweep() {
  std::vector<Image> old;
  auto images = images_.Lock();
  std::erase_if(*images, [this, &old](auto& item) {
    if (item.second.until > clock_.Steady()) return false;
    old.push_back(std::move(item.second.image));
    return true;
  });
}

}  // namespace slipway::runs
