#include "steps/task/yaml_tree.h"

#include <array>
#include <map>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace slipway::task {

namespace {

struct Refused {
  YamlError error;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const YamlLimits& limits) : limits_(limits) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Put(Make(YamlNode::Kind::kNull, mark, "?"), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused{{Offset(mark), "an anchor is used within itself"}};
    Hang(found->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = Make(YamlNode::Kind::kScalar, mark, tag);
    node->text = value;
    Put(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Make(YamlNode::Kind::kSequence, mark, tag), anchor, mark);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Make(YamlNode::Kind::kMapping, mark, tag), anchor, mark);
  }
  void OnMapEnd() override { Close(); }

  YamlNodePtr root() const { return root_; }
  static size_t Offset(const YAML::Mark& mark) { return mark.pos < 0 ? 0 : static_cast<size_t>(mark.pos); }

 private:
  struct Level {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    YamlNodePtr key;  // of a mapping whose value comes next
  };

  std::shared_ptr<YamlNode> Make(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (++nodes_ > limits_.nodes) {
      throw Refused{{Offset(mark), fmt::format("there are more than {} values", limits_.nodes)}};
    }
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->offset = Offset(mark);
    node->tag = tag;
    return node;
  }

  void Put(YamlNodePtr node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    Hang(std::move(node));
  }

  void Hang(YamlNodePtr node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node->kind == YamlNode::Kind::kSequence) {
      level.node->items.push_back(std::move(node));
    } else if (level.key == nullptr) {
      level.key = std::move(node);
    } else {
      level.node->pairs.emplace_back(std::move(level.key), std::move(node));
      level.key = nullptr;
    }
  }

  void Open(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (levels_.size() >= limits_.depth) {
      throw Refused{{Offset(mark), fmt::format("lists and mappings are nested more than {} deep", limits_.depth)}};
    }
    levels_.push_back({.node = std::move(node), .anchor = anchor, .key = nullptr});
  }

  // An anchor counts from its end on: so no node can hold itself.
  void Close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    Put(std::move(level.node), level.anchor);
  }

  const YamlLimits limits_;
  size_t nodes_ = 0;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, YamlNodePtr> anchors_;
  YamlNodePtr root_;
};

}  // namespace

YamlNodePtr ParseYaml(const std::string& text, const YamlLimits& limits, YamlError* error) try {
  std::istringstream in(text);
  YAML::Parser parser(in);
  TreeBuilder tree(limits);
  parser.HandleNextDocument(tree);
  return tree.root();
} catch (const Refused& refused) {
  *error = refused.error;
  return nullptr;
} catch (const YAML::Exception& e) {
  *error = {.offset = TreeBuilder::Offset(e.mark), .message = e.msg.empty() ? "it cannot be read" : e.msg};
  return nullptr;
}

std::string Describe(const YamlNode& node) {
  constexpr size_t kShown = 60;
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kSequence: return "a list";
    case YamlNode::Kind::kMapping: return "a mapping";
    case YamlNode::Kind::kScalar: break;
  }
  const std::string shown = node.text.size() > kShown ? node.text.substr(0, kShown) + "…" : node.text;
  return fmt::format("{} '{}'", node.plain() ? "the value" : "the text", shown);
}

bool IsNull(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return true;
  constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
  return node.kind == YamlNode::Kind::kScalar && node.plain() &&
         std::find(kNulls.begin(), kNulls.end(), node.text) != kNulls.end();
}

}  // namespace slipway::task
