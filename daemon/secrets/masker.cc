#include "daemon/secrets/masker.h"

#include <algorithm>

namespace slipway::secrets {

namespace {
constexpr std::string_view kStars = "***";
}

Masker::Masker(std::vector<std::string> values) : values_(std::move(values)) {
  std::erase_if(values_, [](const std::string& value) { return value.empty(); });
  std::sort(values_.begin(), values_.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  for (const std::string& value : values_) begins_[static_cast<unsigned char>(value.front())] = true;
}

size_t Masker::MatchAt(std::string_view text, bool* partial) const {
  for (const std::string& value : values_) {
    if (text.size() < value.size()) {
      if (std::string_view(value).starts_with(text)) *partial = true;
    } else if (text.starts_with(value)) {
      return value.size();
    }
  }
  return 0;
}

size_t Masker::MaskInto(std::string_view text, bool last, std::string* out) const {
  size_t done = 0;  // written to out
  size_t i = 0;
  while (i < text.size()) {
    if (!begins_[static_cast<unsigned char>(text[i])]) {
      ++i;
      continue;
    }
    bool partial = false;
    const size_t length = MatchAt(text.substr(i), &partial);
    if (partial && !last) break;
    if (length == 0) {
      ++i;
      continue;
    }
    out->append(text.substr(done, i - done)).append(kStars);
    i += length;
    done = i;
  }
  out->append(text.substr(done, i - done));
  return i;
}

std::string Masker::Mask(std::string_view text) const {
  if (values_.empty()) return std::string(text);
  std::string out;
  MaskInto(text, true, &out);
  return out;
}

std::string MaskStream::Feed(std::string_view bytes) {
  if (masker_->empty()) return std::string(bytes);
  std::string out;
  if (held_.empty()) {
    held_ = bytes.substr(masker_->MaskInto(bytes, false, &out));
    return out;
  }
  held_.append(bytes);
  held_.erase(0, masker_->MaskInto(held_, false, &out));
  return out;
}

std::string MaskStream::Finish() {
  std::string out;
  masker_->MaskInto(held_, true, &out);
  held_.clear();
  return out;
}

}  // namespace slipway::secrets
