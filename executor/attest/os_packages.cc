#include "executor/attest/os_packages.h"

#include <functional>

#include "executor/attest/lines.h"

namespace slipway::attest {

namespace {

// Stanzas of "Key: value" lines, an empty line between two.
void ForEachStanza(std::string_view text,
                   const std::function<void(std::string_view key, std::string_view value)>& field,
                   const std::function<void()>& end) {
  bool any = false;
  for (Lines lines(text); const auto line = lines.Next();) {
    if (line->empty()) {
      if (std::exchange(any, false)) end();
      continue;
    }
    if (line->front() == ' ' || line->front() == '\t') continue;  // a value goes on
    const size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    any = true;
    field(line->substr(0, colon), Trim(line->substr(colon + 1)));
  }
  if (any) end();
}

// "name (version)" names the source package alone.
std::string_view SourceName(std::string_view text) { return Trim(text.substr(0, text.find('('))); }

}  // namespace

std::vector<Package> ReadDpkg(std::string_view text) {
  std::vector<Package> out;
  Package package{.type = "deb"};
  bool installed = true;
  const auto field = [&](std::string_view key, std::string_view value) {
    if (key == "Package") package.name = CleanField(value);
    if (key == "Version") package.version = CleanField(value);
    if (key == "Architecture") package.architecture = CleanField(value);
    if (key == "Source") package.source = CleanField(SourceName(value));
    if (key == "Status") installed = value.ends_with(" installed");
  };
  ForEachStanza(text, field, [&] {
    if (installed && !package.name.empty() && !package.version.empty() && out.size() < kMostPackages) {
      out.push_back(package);
    }
    package = {.type = "deb"};
    installed = true;
  });
  return out;
}

std::vector<Package> ReadApk(std::string_view text) {
  std::vector<Package> out;
  Package package{.type = "apk"};
  const auto field = [&](std::string_view key, std::string_view value) {
    if (key == "P") package.name = CleanField(value);
    if (key == "V") package.version = CleanField(value);
    if (key == "A") package.architecture = CleanField(value);
    if (key == "L") package.license = CleanField(value);
    if (key == "o" && value != package.name) package.source = CleanField(value);
  };
  ForEachStanza(text, field, [&] {
    if (!package.name.empty() && !package.version.empty() && out.size() < kMostPackages) out.push_back(package);
    package = {.type = "apk"};
  });
  return out;
}

}  // namespace slipway::attest
