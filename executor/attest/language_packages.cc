#include "executor/attest/language_packages.h"

#include <map>

#include <nlohmann/json.hpp>

#include "executor/attest/lines.h"
#include "executor/oci/json.h"

namespace slipway::attest {

namespace {

using nlohmann::json;

void Add(std::vector<Package>& out, Package package) {
  if (package.name.empty() || package.version.empty() || out.size() >= kMostPackages) return;
  out.push_back(std::move(package));
}

std::string Text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? CleanField(it->get_ref<const std::string&>()) : "";
}

// "@scope/name" and "vendor/name": the namespace and the name.
Package Named(std::string type, std::string_view full, std::string version) {
  Package out{.type = std::move(type)};
  const size_t slash = full.rfind('/');
  if (slash != std::string_view::npos) out.space = CleanField(full.substr(0, slash));
  out.name = CleanField(slash == std::string_view::npos ? full : full.substr(slash + 1));
  out.version = std::move(version);
  return out;
}

// Version 1: dependencies within dependencies.
void AddDependencies(const json& parent, std::vector<Package>& out) {
  const auto it = parent.find("dependencies");
  if (it == parent.end() || !it->is_object()) return;
  for (const auto& [name, value] : it->items()) {
    if (!value.is_object()) continue;
    Add(out, Named("npm", name, Text(value, "version")));
    AddDependencies(value, out);  // as deep as the parser let it be
  }
}

std::string LicenseOf(const json& object) {
  const auto it = object.find("license");
  if (it == object.end()) return "";
  if (it->is_object()) return Text(*it, "type");
  return Text(object, "license");
}

}  // namespace

Result<std::vector<Package>> ReadNpmLock(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const json lock, oci::json::ParseObject(text, "package-lock.json"));
  std::vector<Package> out;
  const auto packages = lock.find("packages");
  if (packages == lock.end() || !packages->is_object()) {
    AddDependencies(lock, out);
    return out;
  }
  for (const auto& [path, value] : packages->items()) {
    constexpr std::string_view kFolder = "node_modules/";
    const size_t folder = path.rfind(kFolder);
    if (folder == std::string::npos || !value.is_object()) continue;
    if (const auto link = value.find("link"); link != value.end() && *link == true) continue;
    std::string name = Text(value, "name");  // where it is installed under another one
    if (name.empty()) name = path.substr(folder + kFolder.size());
    Package package = Named("npm", name, Text(value, "version"));
    package.license = LicenseOf(value);
    Add(out, std::move(package));
  }
  return out;
}

Result<std::vector<Package>> ReadNpmPackage(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const json description, oci::json::ParseObject(text, "package.json"));
  std::vector<Package> out;
  Package package = Named("npm", Text(description, "name"), Text(description, "version"));
  package.license = LicenseOf(description);
  Add(out, std::move(package));
  return out;
}

std::vector<Package> ReadPythonMetadata(std::string_view text) {
  Package package{.type = "pypi"};
  for (Lines lines(text); const auto line = lines.Next();) {
    if (line->empty()) break;  // the description follows
    const size_t colon = line->find(':');
    if (colon == std::string_view::npos || line->front() == ' ') continue;
    const std::string_view key = line->substr(0, colon);
    const std::string value = CleanField(Trim(line->substr(colon + 1)));
    if (key == "Name") package.name = value;
    if (key == "Version") package.version = value;
    if (key == "License-Expression" || (key == "License" && package.license.empty())) package.license = value;
  }
  std::vector<Package> out;
  Add(out, std::move(package));
  return out;
}

std::vector<Package> ReadGoMod(std::string_view text) {
  // "path version", in a block or after the keyword; "old [version] => new version" replaces.
  std::map<std::string, std::pair<std::string, std::string>> required;
  std::string block;
  for (Lines lines(text); auto line = lines.Next();) {
    std::string_view rest = Trim(line->substr(0, line->find("//")));
    if (rest == ")") block.clear();
    if (rest.empty() || rest == ")") continue;
    std::string keyword = block;
    if (block.empty()) {
      const size_t space = std::min(rest.find(' '), rest.size());
      keyword = rest.substr(0, space);
      rest = Trim(rest.substr(space));
      if (rest == "(") {
        block = keyword;
        continue;
      }
    }
    if (required.size() >= kMostPackages) break;
    const size_t space = std::min(rest.find(' '), rest.size());
    const std::string path = CleanField(rest.substr(0, space));
    if (keyword == "require") required[path] = {path, CleanField(Trim(rest.substr(space)))};
    const size_t arrow = rest.find("=>");
    if (keyword != "replace" || arrow == std::string_view::npos) continue;
    const auto it = required.find(path);
    const std::string_view target = Trim(rest.substr(arrow + 2));
    const size_t gap = target.find(' ');
    if (it == required.end()) continue;
    // A folder in place of a module has no version, and is not one that others could find.
    if (gap == std::string_view::npos) {
      required.erase(it);
    } else {
      it->second = {CleanField(target.substr(0, gap)), CleanField(Trim(target.substr(gap)))};
    }
  }
  std::vector<Package> out;
  for (const auto& [path, module] : required) Add(out, Named("golang", module.first, module.second));
  return out;
}

std::vector<Package> ReadGemfileLock(std::string_view text) {
  std::vector<Package> out;
  bool gems = false;
  bool specs = false;
  for (Lines lines(text); const auto line = lines.Next();) {
    if (line->empty() || line->front() != ' ') {
      gems = *line == "GEM" || *line == "GIT";
      specs = false;
    } else if (gems && Trim(*line) == "specs:") {
      specs = true;
    } else if (specs && line->starts_with("    ") && !line->starts_with("     ")) {
      // "    rake (13.0.6)"; what these need in turn is indented further.
      const std::string_view item = Trim(*line);
      const size_t open = item.find(" (");
      if (open == std::string_view::npos || !item.ends_with(')')) continue;
      Add(out, {.type = "gem",
                .name = CleanField(item.substr(0, open)),
                .version = CleanField(item.substr(open + 2, item.size() - open - 3))});
    }
  }
  return out;
}

std::vector<Package> ReadGemspecName(std::string_view file_name) {
  constexpr std::string_view kEnd = ".gemspec";
  std::vector<Package> out;
  if (!file_name.ends_with(kEnd)) return out;
  file_name.remove_suffix(kEnd.size());
  // The version begins at the first dash before a digit that no further name follows: "net-http-0.3.2".
  for (size_t dash = file_name.find('-'); dash != std::string_view::npos; dash = file_name.find('-', dash + 1)) {
    if (dash + 1 >= file_name.size() || file_name[dash + 1] < '0' || file_name[dash + 1] > '9') continue;
    Add(out, {.type = "gem",
              .name = CleanField(file_name.substr(0, dash)),
              .version = CleanField(file_name.substr(dash + 1))});
    break;
  }
  return out;
}

std::vector<Package> ReadCargoLock(std::string_view text) {
  std::vector<Package> out;
  Package package{.type = "cargo"};
  bool inside = false;
  bool from_elsewhere = false;
  const auto end = [&] {
    // What has no source is the project itself.
    if (inside && from_elsewhere) Add(out, package);
    package = {.type = "cargo"};
    from_elsewhere = false;
  };
  for (Lines lines(text); const auto line = lines.Next();) {
    if (line->starts_with('[')) {
      end();
      inside = *line == "[[package]]";
      continue;
    }
    const size_t equals = line->find(" = \"");
    if (equals == std::string_view::npos || !line->ends_with('"')) continue;
    const std::string_view key = line->substr(0, equals);
    const size_t from = equals + 4;
    if (line->size() < from + 1) continue;
    const std::string_view value = line->substr(from, line->size() - from - 1);
    if (key == "name") package.name = CleanField(value);
    if (key == "version") package.version = CleanField(value);
    if (key == "source") from_elsewhere = true;
  }
  end();
  return out;
}

Result<std::vector<Package>> ReadComposer(std::string_view text) {
  // installed.json of Composer 1 is the list alone.
  const std::string wrapped =
      text.find_first_not_of(" \t\r\n") != std::string_view::npos && text[text.find_first_not_of(" \t\r\n")] == '['
          ? "{\"packages\":" + std::string(text) + "}"
          : "";
  SLIPWAY_ASSIGN_OR_RETURN(
      const json lock, oci::json::ParseObject(wrapped.empty() ? text : std::string_view(wrapped), "composer's list"));
  std::vector<Package> out;
  const auto packages = lock.find("packages");
  if (packages == lock.end() || !packages->is_array()) return out;
  for (const json& item : *packages) {
    if (!item.is_object()) continue;
    Package package = Named("composer", Text(item, "name"), Text(item, "version"));
    const auto license = item.find("license");
    if (license != item.end() && license->is_array() && !license->empty() && license->front().is_string()) {
      package.license = CleanField(license->front().get_ref<const std::string&>());
    }
    Add(out, std::move(package));
  }
  return out;
}

}  // namespace slipway::attest
