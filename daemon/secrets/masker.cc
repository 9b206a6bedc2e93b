#include "daemon/secrets/masker.h"

#include <algorithm>

#include "executor/http/base64.h"

namespace slipway::secrets {

namespace {
constexpr std::string_view kStars = "***";
// A shorter line or value may well stand somewhere by chance.
constexpr size_t kShortestLine = 8;
constexpr size_t kShortestEncoded = 4;

void AddForms(std::string_view value, std::vector<std::string>* out) {
  if (value.size() >= kShortestEncoded) out->push_back(http::Base64Encode(value));
  const size_t end = value.find_last_not_of("\r\n");
  if (end == std::string_view::npos) return;
  value = value.substr(0, end + 1);
  out->emplace_back(value);
  if (value.find('\n') == std::string_view::npos) return;
  while (!value.empty()) {
    const size_t stop = std::min(value.find('\n'), value.size());
    std::string_view line = value.substr(0, stop);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() >= kShortestLine) out->emplace_back(line);
    value.remove_prefix(std::min(stop + 1, value.size()));
  }
}
}  // namespace

Masker::Masker(std::vector<std::string> values) : values_(std::move(values)) {
  const size_t given = values_.size();
  for (size_t i = 0; i < given; ++i) AddForms(std::string(values_[i]), &values_);
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
