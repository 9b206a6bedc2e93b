#include "steps/task/task_schema.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "executor/base/near_miss.h"
#include "steps/task/yaml_values.h"

namespace slipway::task {

namespace {

constexpr size_t kMaxVisited = 200'000;
constexpr size_t kMaxErrors = 50;
constexpr int kMaxMerges = 32;

class Reader {
 public:
  explicit Reader(const SourceMap& map) : map_(map) {}

  SchemaResult Run(const YamlNodePtr& root) && {
    if (root != nullptr && !IsNull(*root)) Read(*root, "a task file", TaskKeys(&out_.task));
    const auto before = [](const Diagnostic& a, const Diagnostic& b) {
      return std::tie(a.position.line, a.position.column) < std::tie(b.position.line, b.position.column);
    };
    std::stable_sort(out_.errors.begin(), out_.errors.end(), before);
    std::stable_sort(out_.warnings.begin(), out_.warnings.end(), before);
    return std::move(out_);
  }

 private:
  using Take = std::function<void(const YamlNode&)>;
  using Keys = std::map<std::string_view, Take>;

  void Error(const YamlNode& node, std::string message) {
    if (out_.errors.size() < kMaxErrors) out_.errors.push_back({map_.At(node.offset), std::move(message)});
  }
  void Warn(const YamlNode& node, std::string message) {
    if (out_.warnings.size() < kMaxErrors) out_.warnings.push_back({map_.At(node.offset), std::move(message)});
  }

  // Counts, so that a node that is reached on many ways costs no more than a long file.
  bool Visit(const YamlNode& node) {
    if (++visited_ <= kMaxVisited) return true;
    if (visited_ == kMaxVisited + 1) Error(node, "aliases make the file too large");
    return false;
  }

  // Hands the values of a mapping to its keys. `what` is for messages: "a step".
  void Read(const YamlNode& node, std::string_view what, const Keys& keys) {
    if (!Visit(node) || IsNull(node)) return;
    if (node.kind != YamlNode::Kind::kMapping) {
      Error(node, fmt::format("{} must be a mapping; here is {}", what, Describe(node)));
      return;
    }
    std::map<std::string, const YamlNode*> values;
    Merged(node, 0, what, keys, &values);
    const std::string outer = subject_;
    for (const auto& [key, value] : values) {
      subject_ = fmt::format("'{}'", key);
      if (Visit(*value)) keys.at(key)(*value);
    }
    subject_ = outer;
  }

  // What a key's own mapping says goes before what "<<" brings.
  void Merged(const YamlNode& node, int depth, std::string_view what, const Keys& keys,
              std::map<std::string, const YamlNode*>* values) {
    std::map<std::string, const YamlNode*> own;
    for (const auto& [key, value] : node.pairs) {
      if (!Visit(*key)) return;
      if (key->kind == YamlNode::Kind::kScalar && key->plain() && key->text == "<<") {
        Merge(*value, depth, what, keys, values);
      } else if (key->kind != YamlNode::Kind::kScalar) {
        Warn(*key, fmt::format("{} is no key of {}", Describe(*key), what));
      } else if (keys.contains(key->text)) {
        own[key->text] = value.get();
      } else {
        Unknown(*key, what, keys);
      }
    }
    for (const auto& [key, value] : own) (*values)[key] = value;
  }

  void Merge(const YamlNode& value, int depth, std::string_view what, const Keys& keys,
             std::map<std::string, const YamlNode*>* values) {
    if (depth >= kMaxMerges) return Error(value, "'<<' is nested too deep");
    if (value.kind == YamlNode::Kind::kMapping) return Merged(value, depth + 1, what, keys, values);
    if (value.kind != YamlNode::Kind::kSequence) return Error(value, "'<<' needs a mapping or a list of mappings");
    // Earlier ones go before later ones.
    for (auto it = value.items.rbegin(); it != value.items.rend(); ++it) {
      if (!Visit(**it)) return;
      if ((*it)->kind != YamlNode::Kind::kMapping) return Error(**it, "'<<' needs a mapping or a list of mappings");
      Merged(**it, depth + 1, what, keys, values);
    }
  }

  void Unknown(const YamlNode& key, std::string_view what, const Keys& keys) {
    std::vector<std::string_view> names;
    for (const auto& [name, take] : keys) names.push_back(name);
    std::string hint = DidYouMean(key.text, names);
    if (key.text == "downloadRetries") hint = "; did you mean 'cmdDownloadRetries'?";
    if (key.text == "downloadRetryDelay") hint = "; did you mean 'cmdDownloadRetryDelay'?";
    if (key.text == "secret" && keys.contains("cmd")) hint = "; secrets are given to a step in a volume";
    if (key.text == "alias") hint = "; aliases need 'version: v1.1.0', and the block must begin in column 1";
    Warn(key, fmt::format("'{}' is no key of {}{}", key.text, what, hint));
  }

  // Kinds of values. Each leaves the target as it is for null.

  Take Text(PlacedText* out) {
    return [this, out](const YamlNode& node) {
      if (const auto text = TextOf(node)) *out = {*text, map_.At(node.offset)};
    };
  }
  Take Text(std::string* out) {
    return [this, out](const YamlNode& node) {
      if (const auto text = TextOf(node)) *out = *text;
    };
  }
  std::optional<std::string> TextOf(const YamlNode& node) {
    if (IsNull(node)) return std::nullopt;
    if (node.kind == YamlNode::Kind::kScalar) return node.text;
    Error(node, fmt::format("{} must be a text; it is {}", subject_, Describe(node)));
    return std::nullopt;
  }

  Take Number(Placed<int64_t>* out) {
    return [this, out](const YamlNode& node) {
      if (IsNull(node)) return;
      const std::optional<int64_t> number = WholeNumber(node);
      if (!number) return Error(node, fmt::format("{} must be a whole number; it is {}", subject_, Describe(node)));
      *out = {*number, map_.At(node.offset)};
    };
  }

  Take Flag(bool* out) {
    return [this, out](const YamlNode& node) {
      if (IsNull(node)) return;
      const std::optional<bool> flag = Bool(node);
      if (!flag) return Error(node, fmt::format("{} must be true or false; it is {}", subject_, Describe(node)));
      *out = *flag;
    };
  }

  // Calls `take` for each item.
  Take Items(std::string_view what, Take take) {
    return [this, what, take = std::move(take)](const YamlNode& node) {
      if (IsNull(node)) return;
      if (node.kind != YamlNode::Kind::kSequence) {
        return Error(node, fmt::format("{} must be a list of {}; it is {}", subject_, what, Describe(node)));
      }
      const std::string list = subject_;
      for (const YamlNodePtr& item : node.items) {
        subject_ = "an item of " + list;
        if (!Visit(*item)) break;
        take(*item);
      }
      subject_ = list;
    };
  }

  Take Texts(PlacedList* out) {
    return [this, out](const YamlNode& node) {
      out->value.clear();
      out->position = map_.At(node.offset);
      Items("texts", [this, out](const YamlNode& item) {
        out->value.push_back({TextOf(item).value_or(""), map_.At(item.offset)});
      })(node);
    };
  }

  // A list of mappings; `keys` gives the keys that fill a fresh element.
  template <typename T, typename MakeKeys>
  Take Structs(std::vector<T>* out, std::string_view what, std::string_view plural, MakeKeys keys) {
    return [this, out, what, plural, keys](const YamlNode& node) {
      out->clear();
      Items(plural, [this, out, what, keys](const YamlNode& item) {
        T& element = out->emplace_back();
        element.position = map_.At(item.offset);
        if constexpr (requires { element.empty; }) element.empty = IsNull(item);
        Read(item, what, keys(&element));
      })(node);
    };
  }

  Keys TaskKeys(RawTask* task) {
    return {
        {"version", Text(&task->version)},
        {"stepTimeout", Number(&task->step_timeout)},
        {"workingDirectory", Text(&task->working_directory)},
        {"env", Texts(&task->env)},
        {"maxParallel", Number(&task->max_parallel)},
        {"steps", Structs(&task->steps, "a step", "steps", [this](RawStep* step) { return StepKeys(step); })},
        {"secrets",
         Structs(&task->secrets, "a secret", "secrets", [this](RawSecret* secret) { return SecretKeys(secret); })},
        {"networks", Structs(&task->networks, "a network", "networks",
                             [this](RawNetwork* network) { return NetworkKeys(network); })},
        {"volumes",
         Structs(&task->volumes, "a volume", "volumes", [this](RawVolume* volume) { return VolumeKeys(volume); })},
    };
  }

  Keys StepKeys(RawStep* step) {
    Keys keys = {
        {"id", Text(&step->id)},
        {"cmd", Text(&step->cmd)},
        {"build", Text(&step->build)},
        {"push", Texts(&step->push)},
        {"when", Texts(&step->when)},
        {"timeout", Number(&step->timeout)},
        {"attemptTimeout", Number(&step->attempt_timeout)},
        {"startDelay", Number(&step->start_delay)},
        {"retries", Number(&step->retries)},
        {"retryDelay", Number(&step->retry_delay)},
        {"retryOnErrors", Texts(&step->retry_on_errors)},
        {"repeat", Number(&step->repeat)},
        {"ignoreErrors", Flag(&step->ignore_errors)},
        {"runOn", Text(&step->run_on)},
        {"pull", Flag(&step->pull)},
        {"cmdDownloadRetries", Number(&step->download_retries)},
        {"cmdDownloadRetryDelay", Number(&step->download_retry_delay)},
        {"env", Texts(&step->env)},
        {"workingDirectory", Text(&step->working_directory)},
        {"disableWorkingDirectoryOverride", Flag(&step->keep_directory)},
        {"entryPoint", Text(&step->entry_point)},
        {"user", Text(&step->user)},
        {"network", Text(&step->network)},
        {"isolation", Text(&step->isolation)},
        {"cpus", Text(&step->cpus)},
        {"expose", Texts(&step->expose)},
        {"ports", Texts(&step->ports)},
        {"privileged", Flag(&step->privileged)},
        {"keep", Flag(&step->keep)},
        {"detach", Flag(&step->detach)},
        {"cache", Text(&step->cache)},
        {"volumeMounts", Structs(&step->volume_mounts, "a mount", "mounts",
                                 [this](RawMount* mount) {
                                   return Keys{{"name", Text(&mount->name)}, {"mountPath", Text(&mount->mount_path)}};
                                 })},
    };
    for (const std::string_view unused : {"exitedWith", "exitedWithout"}) {
      keys[unused] = [this, unused](const YamlNode& node) {
        Items("whole numbers", [this](const YamlNode& item) {
          if (!IsNull(item) && !WholeNumber(item)) {
            Error(item, fmt::format("{} must be a whole number; it is {}", subject_, Describe(item)));
          }
        })(node);
        Warn(node, fmt::format("'{}' has no effect", unused));
      };
    }
    return keys;
  }

  Keys SecretKeys(RawSecret* secret) {
    return {{"id", Text(&secret->id)}, {"keyvault", Text(&secret->keyvault)}, {"clientID", Text(&secret->client_id)}};
  }

  Keys NetworkKeys(RawNetwork* network) {
    return {{"name", Text(&network->name)},
            {"driver", Text(&network->driver)},
            {"ipv6", Flag(&network->ipv6)},
            {"skipCreation", Flag(&network->skip_creation)},
            {"isDefault", Flag(&network->is_default)}};
  }

  Keys VolumeKeys(RawVolume* volume) {
    return {{"name", Text(&volume->name)},
            {"secret", [this, volume](const YamlNode& node) {
               if (IsNull(node)) return;
               if (node.kind != YamlNode::Kind::kMapping) {
                 return Error(node, fmt::format("{} must be a mapping of file names to texts; it is {}", subject_,
                                                Describe(node)));
               }
               volume->has_secret = true;
               for (const auto& [key, value] : node.pairs) {
                 if (!Visit(*key)) return;
                 volume->secret.push_back({{TextOf(*key).value_or(""), map_.At(key->offset)},
                                           {TextOf(*value).value_or(""), map_.At(value->offset)}});
               }
             }}};
  }

  const SourceMap& map_;
  std::string subject_ = "the file";  // what is read now, for messages
  SchemaResult out_;
  size_t visited_ = 0;
};

}  // namespace

SchemaResult ReadSchema(const YamlNodePtr& root, const SourceMap& map) { return Reader(map).Run(root); }

}  // namespace slipway::task
