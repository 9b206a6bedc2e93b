// Any word expands to a bounded text or is refused. The first byte chooses the options.
#include "executor/dockerfile/word_expander.h"
#include "tests/fuzz/fuzz.h"

using slipway::fuzz::Must;
namespace dockerfile = slipway::dockerfile;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  dockerfile::WordOptions options;
  options.escape = (data[0] & 1) != 0 ? U'`' : U'\\';
  options.raw_quotes = (data[0] & 2) != 0;
  options.raw_escapes = (data[0] & 4) != 0;
  options.ignore_quotes = (data[0] & 8) != 0;
  options.keep_unset = (data[0] & 16) != 0;
  options.split = (data[0] & 32) != 0;
  const auto env = [](std::string_view name) -> std::optional<std::string_view> {
    if (name == "a") return "value/of a.tar.gz";
    if (name == "e") return "";
    if (name == "u") return "\xc3\xa9t\xc3\xa9";
    return std::nullopt;
  };
  const auto word = dockerfile::ExpandWord(slipway::fuzz::Text(data + 1, size - 1), env, options);
  if (word.ok()) {
    Must(word->text.size() <= dockerfile::kMaxExpandedBytes, "the length is bounded");
    Must(options.split || word->words.empty(), "words are split only where asked");
  } else {
    Must(word.code() == slipway::Code::kInvalidArgument || word.code() == slipway::Code::kResourceExhausted,
         "the code of an error");
  }
  return 0;
}
