#include "executor/dockerfile/mount.h"

#include <array>
#include <utility>

#include "executor/base/ascii.h"
#include "executor/base/near_miss.h"
#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/line_args.h"

namespace slipway::dockerfile {

namespace {

constexpr std::array<std::pair<std::string_view, MountType>, 5> kTypes = {{{"bind", MountType::kBind},
                                                                           {"cache", MountType::kCache},
                                                                           {"tmpfs", MountType::kTmpfs},
                                                                           {"secret", MountType::kSecret},
                                                                           {"ssh", MountType::kSsh}}};
constexpr std::array<std::pair<std::string_view, CacheSharing>, 3> kSharings = {
    {{"shared", CacheSharing::kShared}, {"private", CacheSharing::kPrivate}, {"locked", CacheSharing::kLocked}}};

enum class Key {
  kType,
  kFrom,
  kSource,
  kTarget,
  kReadOnly,
  kReadWrite,
  kRequired,
  kSize,
  kId,
  kSharing,
  kMode,
  kUid,
  kGid,
  kEnv
};

constexpr std::array<std::pair<std::string_view, Key>, 19> kKeys = {{{"type", Key::kType},
                                                                     {"from", Key::kFrom},
                                                                     {"source", Key::kSource},
                                                                     {"src", Key::kSource},
                                                                     {"target", Key::kTarget},
                                                                     {"dst", Key::kTarget},
                                                                     {"destination", Key::kTarget},
                                                                     {"readonly", Key::kReadOnly},
                                                                     {"ro", Key::kReadOnly},
                                                                     {"readwrite", Key::kReadWrite},
                                                                     {"rw", Key::kReadWrite},
                                                                     {"required", Key::kRequired},
                                                                     {"size", Key::kSize},
                                                                     {"id", Key::kId},
                                                                     {"sharing", Key::kSharing},
                                                                     {"mode", Key::kMode},
                                                                     {"uid", Key::kUid},
                                                                     {"gid", Key::kGid},
                                                                     {"env", Key::kEnv}}};

template <typename T, size_t kSize>
std::optional<T> Find(const std::array<std::pair<std::string_view, T>, kSize>& table, std::string_view name) {
  for (const auto& [known, value] : table) {
    if (known == name) return value;
  }
  return std::nullopt;
}

template <typename T, size_t kSize>
std::string Hint(const std::array<std::pair<std::string_view, T>, kSize>& table, std::string_view name) {
  std::array<std::string_view, kSize> names;
  for (size_t i = 0; i < kSize; ++i) names[i] = table[i].first;
  return DidYouMean(name, names);
}

// Reads the options one after the other: their order matters where an option is only for some types.
class MountReader {
 public:
  explicit MountReader(const WordExpander* expander) : expander_(expander) {}

  Status Field(std::string_view field) {
    const size_t equals = field.find('=');
    const std::string name = LowerAscii(field.substr(0, equals));
    const std::optional<Key> key = Find(kKeys, name);
    if (expander_ == nullptr) {
      if (key == Key::kFrom && equals != std::string_view::npos) return From(field.substr(equals + 1));
      return {};
    }
    if (equals == std::string_view::npos) return Bare(field, name, key);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string value, expander_->Word(field.substr(equals + 1)));
    if (!key.has_value()) return InvalidArgument("unknown option '{}' in '{}'{}", name, field, Hint(kKeys, name));
    return Set(*key, name, value);
  }

  Result<Mount> Finish() {
    const bool file_options = mount_.type != MountType::kBind && mount_.type != MountType::kTmpfs;
    const bool any_file_option = mount_.mode.has_value() || mount_.uid.has_value() || mount_.gid.has_value();
    if (any_file_option && !file_options) {
      return InvalidArgument("mode, uid and gid are not for mounts of type '{}'", MountTypeName(mount_.type));
    }
    if (!access_given_) mount_.read_only = mount_.type != MountType::kCache && mount_.type != MountType::kTmpfs;
    if (mount_.type == MountType::kSecret && expander_ != nullptr) SLIPWAY_RETURN_IF_ERROR(CheckSecret());
    if (mount_.sharing.has_value() && mount_.type != MountType::kCache) {
      return InvalidArgument("sharing is not for mounts of type '{}', only for caches", MountTypeName(mount_.type));
    }
    return std::move(mount_);
  }

 private:
  Status From(std::string_view value) {
    const size_t dollar = value.find('$');
    if (dollar != std::string_view::npos && dollar + 1 != value.size()) {
      return InvalidArgument("'from={}' cannot hold variables; name a stage with FROM … AS and use that name", value);
    }
    mount_.from = value;
    return {};
  }

  Status ForSecretOrSsh(std::string_view name) const {
    if (mount_.type == MountType::kSecret || mount_.type == MountType::kSsh) return {};
    return InvalidArgument("option '{}' is not for mounts of type '{}'", name, MountTypeName(mount_.type));
  }

  void SetReadOnly(bool read_only) {
    mount_.read_only = read_only;
    access_given_ = true;
  }

  // An option without "=".
  Status Bare(std::string_view field, const std::string& name, std::optional<Key> key) {
    if (key == Key::kReadOnly || key == Key::kReadWrite) {
      SetReadOnly(key == Key::kReadOnly);
      return {};
    }
    if (key == Key::kRequired) {
      SLIPWAY_RETURN_IF_ERROR(ForSecretOrSsh(name));
      mount_.required = true;
      return {};
    }
    return InvalidArgument("option '{0}' has no value; write '{0}=…'{1}", field,
                           key.has_value() ? "" : Hint(kKeys, name));
  }

  static Status For(std::string_view name, const Status& status) {
    return status.With(fmt::format("option '{}'", name));
  }

  Status Set(Key key, const std::string& name, const std::string& value) {
    switch (key) {
      case Key::kType: return SetType(value);
      case Key::kFrom: mount_.from = value; return {};
      case Key::kSource: mount_.source = value; return {};
      case Key::kTarget: mount_.target = value; return {};
      case Key::kId: mount_.id = value; return {};
      case Key::kEnv: mount_.env = value; return {};
      case Key::kSharing: return SetSharing(value);
      case Key::kReadOnly:
      case Key::kReadWrite:
      case Key::kRequired: return SetBool(key, name, value);
      case Key::kSize: return SetSize(name, value);
      case Key::kMode: return SetNumber(name, value, 8, &mount_.mode);
      case Key::kUid: return SetNumber(name, value, 10, &mount_.uid);
      case Key::kGid: return SetNumber(name, value, 10, &mount_.gid);
    }
    return {};
  }

  Status SetType(const std::string& value) {
    const std::optional<MountType> type = Find(kTypes, LowerAscii(value));
    if (!type.has_value()) return InvalidArgument("unsupported mount type '{}'{}", value, Hint(kTypes, value));
    mount_.type = *type;
    return {};
  }

  Status SetSharing(const std::string& value) {
    mount_.sharing = Find(kSharings, LowerAscii(value));
    if (mount_.sharing.has_value()) return {};
    return InvalidArgument("unsupported sharing '{}'; there are shared, private and locked{}", value,
                           Hint(kSharings, value));
  }

  Status SetBool(Key key, const std::string& name, const std::string& value) {
    if (key == Key::kRequired) SLIPWAY_RETURN_IF_ERROR(ForSecretOrSsh(name));
    const Result<bool> on = ParseBool(value);
    if (!on.ok()) return For(name, on.status());
    if (key == Key::kRequired) {
      mount_.required = *on;
    } else {
      SetReadOnly(*on == (key == Key::kReadOnly));
    }
    return {};
  }

  Status SetSize(const std::string& name, const std::string& value) {
    if (mount_.type != MountType::kTmpfs) {
      return InvalidArgument("option '{}' is not for mounts of type '{}'; put type=tmpfs before it", name,
                             MountTypeName(mount_.type));
    }
    const Result<int64_t> size = ParseByteSize(value);
    if (!size.ok()) return For(name, size.status());
    mount_.size_bytes = *size;
    return {};
  }

  static Status SetNumber(const std::string& name, const std::string& value, int base, std::optional<uint32_t>* out) {
    const Result<uint32_t> number = ParseUint32(value, base);
    if (!number.ok()) return For(name, number.status());
    *out = *number;
    return {};
  }

  Status CheckSecret() const {
    if (!mount_.from.empty()) return InvalidArgument("a secret mount takes no 'from'");
    if (mount_.sharing.has_value()) return InvalidArgument("a secret mount takes no 'sharing'");
    if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
      return InvalidArgument("a secret mount needs an id, a source or a target");
    }
    if (!mount_.source.empty() && !mount_.id.empty())
      return InvalidArgument("a secret mount takes a source or an id, not both");
    return {};
  }

  const WordExpander* expander_;
  Mount mount_;
  bool access_given_ = false;
};

}  // namespace

std::string_view MountTypeName(MountType type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return name;
  }
  return "";
}

Result<Mount> ParseMount(std::string_view text, const WordExpander* expander, std::string* fault) {
  const auto bad = [&](std::string_view word, Status status) {
    if (fault != nullptr) *fault = word;
    return std::move(status).With(fmt::format("--mount '{}'", text));
  };
  const std::string whole = fmt::format("--mount={}", text);
  Result<std::vector<std::string>> fields = SplitCsv(text);
  if (!fields.ok()) return bad(whole, fields.status());
  MountReader reader(expander);
  for (const std::string& field : *fields) {
    if (Status status = reader.Field(field); !status.ok()) return bad(field, std::move(status));
  }
  Result<Mount> mount = reader.Finish();
  if (!mount.ok()) return bad(whole, std::move(mount).status());
  return mount;
}

Result<Device> ParseDevice(std::string_view text) {
  const std::string what = fmt::format("--device '{}'", text);
  Result<std::vector<std::string>> fields = SplitCsv(text);
  if (!fields.ok()) return fields.status().With(what);
  Device device;
  for (const std::string& field : *fields) {
    const size_t equals = field.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string key = LowerAscii(field.substr(0, equals));
    if (key == "required") {
      const Result<bool> required = has_value ? ParseBool(field.substr(equals + 1)) : Result<bool>(true);
      if (!required.ok()) return required.status().With(what + ": option 'required'");
      device.required = *required;
    } else if (has_value && key == "name") {
      if (!device.name.empty()) return InvalidArgument("{}: the name is given twice", what);
      device.name = field.substr(equals + 1);
    } else if (device.name.empty()) {
      device.name = field;  // "vendor.com/class=name" has a "=" too
    } else {
      constexpr std::array<std::string_view, 2> kOptions = {"name", "required"};
      return InvalidArgument("{}: unknown option '{}'{}", what, field, DidYouMean(key, kOptions));
    }
  }
  return device;
}

}  // namespace slipway::dockerfile
