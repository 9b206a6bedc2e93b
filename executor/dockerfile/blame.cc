#include "executor/dockerfile/blame.h"

#include <utility>

#include "executor/base/fs.h"
#include "executor/http/url.h"

namespace slipway::dockerfile {

namespace {

std::string Quoted(std::string_view text) { return fmt::format("'{}'", text); }

bool IsUrl(std::string_view source) { return source.find("://") != std::string_view::npos; }

std::string QuotedSource(const std::string& path) {
  return Quoted(IsUrl(path) ? http::RedactUrl(path) : fs::Clean("/" + path));
}

std::string Flag(std::string_view name, const std::string& value) { return fmt::format("--{}={}", name, value); }

/// Puts suspects and the words as written together; these come in the order in which WordsOf gives them.
class Pairing {
 public:
  explicit Pairing(const SourceRange& where, const std::vector<std::string>& written)
      : where_(where), written_(written) {}

  void Add(std::vector<std::string> quoted) {
    const std::string word = next_ < written_.size() ? written_[next_] : "";
    ++next_;
    for (std::string& text : quoted) suspects_.push_back({std::move(text), where_, word});
  }
  void AddOwner(const std::string& chown) {
    for (Suspect& suspect : UserSuspects(chown, where_, next_ < written_.size() ? written_[next_] : "")) {
      suspects_.push_back(std::move(suspect));
    }
    ++next_;
  }
  std::vector<Suspect> Take() { return std::move(suspects_); }

 private:
  const SourceRange& where_;
  const std::vector<std::string>& written_;
  size_t next_ = 0;
  std::vector<Suspect> suspects_;
};

template <typename Copy>
void AddCopyWords(const Copy& copy, std::vector<std::string>& words) {
  words.push_back(Flag("chown", copy.chown));
  words.push_back(Flag("chmod", copy.chmod));
  words.insert(words.end(), copy.sources.paths.begin(), copy.sources.paths.end());
  words.push_back(copy.sources.destination);
}

template <typename Copy>
void PairCopyWords(const Copy& copy, const AbsolutePath& absolute, Pairing& pairs) {
  pairs.AddOwner(copy.chown);
  pairs.Add({fmt::format("mode {}", Quoted(copy.chmod))});
  for (const std::string& path : copy.sources.paths) pairs.Add({QuotedSource(path)});
  pairs.Add({Quoted(absolute(copy.sources.destination))});
}

}  // namespace

std::vector<std::string> WordsOf(const Instruction& instruction) {
  std::vector<std::string> words;
  if (const auto* copy = std::get_if<CopyInstruction>(&instruction)) AddCopyWords(*copy, words);
  if (const auto* add = std::get_if<AddInstruction>(&instruction)) {
    words.push_back(Flag("checksum", add->checksum));
    AddCopyWords(*add, words);
  }
  if (const auto* run = std::get_if<RunInstruction>(&instruction)) words = run->mount_flags;
  if (const auto* user = std::get_if<UserInstruction>(&instruction)) words.push_back(user->user);
  return words;
}

std::vector<Suspect> SuspectsOf(const Instruction& expanded, const std::vector<std::string>& written,
                                const AbsolutePath& absolute) {
  const SourceRange where = BaseOf(expanded).range;
  Pairing pairs(where, written);
  if (const auto* copy = std::get_if<CopyInstruction>(&expanded)) PairCopyWords(*copy, absolute, pairs);
  if (const auto* add = std::get_if<AddInstruction>(&expanded)) {
    pairs.Add(add->checksum.empty() ? std::vector<std::string>() : std::vector{"expected " + add->checksum});
    PairCopyWords(*add, absolute, pairs);
  }
  if (const auto* run = std::get_if<RunInstruction>(&expanded)) {
    for (const Mount& mount : run->mounts) {
      std::vector<std::string> quoted = {Quoted(fs::Clean("/" + mount.source)) + " is "};
      // A secret is named by one of these.
      for (const std::string& id : {mount.id, mount.source, std::string(fs::BaseName(mount.target))}) {
        if (!id.empty()) quoted.push_back(fmt::format("secret {}", Quoted(id)));
      }
      if (mount.type == MountType::kSsh) quoted.push_back("no SSH agent ");
      pairs.Add(std::move(quoted));
    }
  }
  return pairs.Take();
}

std::vector<Suspect> UserSuspects(const std::string& user, const SourceRange& where, const std::string& written) {
  const size_t colon = user.find(':');
  const std::string name = user.substr(0, colon);
  std::vector<Suspect> out;
  if (!name.empty()) {
    out.push_back({fmt::format("user {}", Quoted(name)), where, written});
    out.push_back({fmt::format("owner {}", Quoted(name)), where, written});
  }
  if (colon != std::string::npos) {
    out.push_back({fmt::format("group {}", Quoted(user.substr(colon + 1))), where, written});
  }
  return out;
}

Status StepBlame::operator()(const Status& error, std::string_view name) const {
  const Suspect* found = nullptr;
  for (const Suspect& suspect : suspects) {
    if (found == nullptr && suspect.where.known() && error.message().find(suspect.quoted) != std::string::npos) {
      found = &suspect;
    }
  }
  Status told = context.empty() ? error : error.With(context);
  if (!name.empty()) told = std::move(told).With(name);
  return found != nullptr ? source->At(found->where, told, found->word) : source->At(where, told, word);
}

graph::Position PositionOf(StepBlame blame) {
  graph::Position position{blame.source->filename(), blame.where.start_line, blame.where.start_column, {}};
  position.point = std::move(blame);
  return position;
}

}  // namespace slipway::dockerfile
