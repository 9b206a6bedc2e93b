// slipway-dockerfile-dump: prints how the Dockerfile frontend reads a file; see README.md.
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "executor/base/fs.h"
#include "executor/dockerfile/parse.h"
#include "executor/dockerfile/tree.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

EnvLookup LookupIn(const Variables& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Status PrintTree(const std::string& filename, const std::string& text) {
  Tree tree;
  SLIPWAY_RETURN_IF_ERROR(ParseTree(SourceText(filename, text), &tree));
  for (const Node& node : tree.nodes) fmt::print("({})\n", Dump(node));
  return {};
}

Status Check(const std::string& filename, const std::string& text) { return Parse(text, filename).status(); }

// Calls `line` for each line of the text.
template <typename Function>
void EachLine(std::string_view text, Function line) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Status PrintExpansions(const std::string&, const std::string& text) {
  const Variables variables = {{"PWD", "/home"}, {"SHELL", "bash"}, {"KOREAN", "한국어"}, {"NULL", ""}};
  EachLine(text, [&](std::string_view line) {
    const Result<ExpandedWord> word = ExpandWord(line, LookupIn(variables));
    fmt::print("{}\n", word.ok() ? word->text : "error: " + word.status().message());
  });
  return {};
}

Status PrintWords(const std::string&, const std::string& text) {
  Variables variables;
  EachLine(text, [&](std::string_view line) {
    if (line.starts_with("ENV ")) {
      const size_t equals = line.find('=');
      variables[std::string(line.substr(4, equals - 4))] =
          equals == std::string_view::npos ? "" : line.substr(equals + 1);
      fmt::print("-\n");
      return;
    }
    const Result<ExpandedWord> word = ExpandWord(line, LookupIn(variables));
    if (word.ok()) {
      fmt::print("{}\n", fmt::join(word->words.begin(), word->words.end(), ","));
    } else {
      fmt::print("error: {}\n", word.status().message());
    }
  });
  return {};
}

int Main(int argc, char** argv) {
  const std::map<std::string_view, Status (*)(const std::string&, const std::string&)> commands = {
      {"ast", PrintTree}, {"check", Check}, {"env", PrintExpansions}, {"words", PrintWords}};
  const auto command = argc == 3 ? commands.find(argv[1]) : commands.end();
  if (command == commands.end()) {
    fmt::print(stderr, "usage: slipway-dockerfile-dump ast|check|env|words FILE\n");
    return 2;
  }
  const std::string path = argv[2];
  const Result<std::string> text = fs::ReadFile(path);
  const Status status = text.ok() ? command->second(std::string(fs::BaseName(path)), *text) : text.status();
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", status.message());
  return 1;
}

}  // namespace
}  // namespace slipway::dockerfile

int main(int argc, char** argv) { return slipway::dockerfile::Main(argc, argv); }
