#include "daemon/secrets/masker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "executor/http/base64.h"

namespace slipway::secrets {

namespace {
constexpr std::string_view kStars = "***";
// A shorter line or value may well stand somewhere by chance.
constexpr size_t kShortestLine = 8;
constexpr size_t kShortestEncoded = 4;
// Programs break base64 into lines: base64 after 76 characters, openssl after 64.
constexpr std::array<size_t, 2> kBase64Columns = {76, 64};

// By its first bytes most text is told from all values.
constexpr size_t kHeadBytes = 4;
constexpr size_t kHeadsPerValue = 16;
constexpr size_t kNone = std::string::npos;

// `text` has at least kHeadBytes.
size_t HeadOf(std::string_view text) {
  uint32_t head = 0;
  std::memcpy(&head, text.data(), kHeadBytes);
  head *= 0x9e3779b1U;  // mixes the bytes into the upper half
  return head ^ (head >> 16);
}

size_t CommonBytes(std::string_view a, std::string_view b) {
  const auto [end, ignored] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(end - a.begin());
}

// All lines together, so that nothing of the end is left, and each for itself.
void AddBase64Lines(std::string_view encoded, size_t columns, std::vector<std::string>* out) {
  if (encoded.size() <= columns) return;
  std::string all;
  for (size_t at = 0; at < encoded.size(); at += columns) {
    const std::string_view line = encoded.substr(at, columns);
    if (line.size() >= kShortestLine) {
      out->emplace_back(line);
    } else {  // a short end is hidden where it follows its line
      out->push_back(std::string(encoded.substr(at - columns, columns)).append("\n").append(line));
    }
    all.append(at == 0 ? "" : "\n").append(line);
  }
  out->push_back(std::move(all));
}

// `padded` is of so many bytes. Its whole groups are hidden for themselves: they are the same whatever was encoded
// behind the value.
void AddBase64Forms(std::string_view padded, size_t bytes, std::vector<std::string>* out) {
  const std::string_view unpadded = padded.substr(0, padded.find_last_not_of('=') + 1);
  for (const std::string_view form : {padded, unpadded, padded.substr(0, bytes / 3 * 4)}) {
    if (form.size() < kShortestLine) continue;
    out->emplace_back(form);
    for (const size_t columns : kBase64Columns) AddBase64Lines(form, columns, out);
  }
}

void AddBase64(std::string_view value, std::vector<std::string>* out) {
  if (value.size() < kShortestEncoded) return;
  std::string padded = http::Base64Encode(value);
  AddBase64Forms(padded, value.size(), out);
  if (padded.find_first_of("+/") == std::string::npos) return;
  std::replace(padded.begin(), padded.end(), '+', '-');  // the alphabet for URLs
  std::replace(padded.begin(), padded.end(), '/', '_');
  AddBase64Forms(padded, value.size(), out);
}

void AddLongLines(std::string_view text, std::vector<std::string>* out) {
  while (!text.empty()) {
    const size_t stop = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, stop);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() >= kShortestLine) out->emplace_back(line);
    text.remove_prefix(std::min(stop + 1, text.size()));
  }
}

void AddForms(std::string_view given, std::vector<std::string>* out) {
  out->emplace_back(given);
  AddBase64(given, out);
  const size_t end = given.find_last_not_of("\r\n");
  if (end == std::string_view::npos) return;
  const std::string value(given.substr(0, end + 1));
  out->push_back(value);
  // The shell takes a line end from what it reads, and echo puts one behind what it writes.
  for (const std::string_view line_end : {"", "\n"}) {
    if (const std::string written = value + std::string(line_end); written != given) AddBase64(written, out);
  }
  if (value.find('\n') != std::string::npos) AddLongLines(value, out);
}
}  // namespace

Masker::Masker(std::vector<std::string> values) : given_(std::move(values)) {
  for (const std::string& value : given_) {
    if (!value.empty()) AddForms(value, &values_);
  }
  std::sort(values_.begin(), values_.end());
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  FindInner();
  heads_.resize(std::bit_ceil(values_.size() * kHeadsPerValue));
  for (const std::string& value : values_) {
    if (value.size() < kHeadBytes) {
      short_begins_[static_cast<unsigned char>(value.front())] = true;
    } else {
      heads_[HeadOf(value) & (heads_.size() - 1)] = true;
    }
  }
}

// Where values are sorted, those that begin with a value follow it at once; so a stack holds the values that the
// current one begins with.
void Masker::FindInner() {
  inner_.reserve(values_.size());
  size_t last = kNone;
  for (size_t i = 0; i < values_.size(); ++i) {
    while (last != kNone && !values_[i].starts_with(values_[last])) last = inner_[last];
    inner_.push_back(last);
    last = i;
  }
}

bool Masker::MayBegin(std::string_view text) const {
  if (text.size() < kHeadBytes || short_begins_[static_cast<unsigned char>(text.front())]) return true;
  return heads_[HeadOf(text) & (heads_.size() - 1)];
}

size_t Masker::MatchAt(std::string_view text, bool* partial) const {
  // The values that begin with the text would come next, and those that it begins with are the one before and what that
  // one begins with.
  const auto after = std::upper_bound(values_.begin(), values_.end(), text);
  if (after != values_.end() && after->starts_with(text)) *partial = true;
  if (after == values_.begin()) return 0;
  size_t at = static_cast<size_t>(after - values_.begin()) - 1;
  const size_t common = CommonBytes(values_[at], text);
  while (at != kNone && values_[at].size() > common) at = inner_[at];
  return at == kNone ? 0 : values_[at].size();
}

size_t Masker::MaskInto(std::string_view text, bool last, std::string* out) const {
  size_t done = 0;  // written to out
  size_t i = 0;
  while (i < text.size()) {
    if (!MayBegin(text.substr(i))) {
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
