// Maven leaves its coordinates in a jar: META-INF/maven/GROUP/ARTIFACT/pom.properties.
#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>

#include "executor/attest/language_packages.h"
#include "executor/attest/lines.h"

namespace slipway::attest {

namespace {

constexpr size_t kMostFilesOfJar = 200'000;
constexpr size_t kLargestProperties = 64U << 10;

Package FromProperties(std::string_view text) {
  Package out{.type = "maven"};
  for (Lines lines(text); const auto line = lines.Next();) {
    const size_t equals = line->find('=');
    if (equals == std::string_view::npos || line->starts_with('#')) continue;
    const std::string_view key = Trim(line->substr(0, equals));
    const std::string value = CleanField(Trim(line->substr(equals + 1)));
    if (key == "groupId") out.space = value;
    if (key == "artifactId") out.name = value;
    if (key == "version") out.version = value;
  }
  return out;
}

}  // namespace

Result<std::vector<Package>> ReadJar(std::string_view bytes) {
  const std::unique_ptr<archive, decltype(&::archive_read_free)> zip(::archive_read_new(), &::archive_read_free);
  if (zip == nullptr) return ResourceExhausted("read a jar: out of memory");
  ::archive_read_support_format_zip(zip.get());
  const auto fail = [&] {
    const char* why = ::archive_error_string(zip.get());
    return InvalidArgument("this jar cannot be read: {}", why == nullptr ? "it is damaged" : why);
  };
  if (::archive_read_open_memory(zip.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) return fail();
  std::vector<Package> out;
  archive_entry* entry = nullptr;
  for (size_t files = 0; files < kMostFilesOfJar; ++files) {
    const int next = ::archive_read_next_header(zip.get(), &entry);
    if (next == ARCHIVE_EOF) break;
    if (next != ARCHIVE_OK && next != ARCHIVE_WARN) return fail();
    const char* name = ::archive_entry_pathname(entry);
    const std::string_view path = name == nullptr ? "" : name;
    if (!path.starts_with("META-INF/maven/") || !path.ends_with("/pom.properties")) continue;
    std::string text(kLargestProperties, '\0');
    size_t have = 0;
    while (have < text.size()) {
      const la_ssize_t got = ::archive_read_data(zip.get(), text.data() + have, text.size() - have);
      if (got < 0) return fail();
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    Package package = FromProperties(std::string_view(text).substr(0, have));
    if (!package.name.empty() && !package.version.empty() && out.size() < kMostPackages) {
      out.push_back(std::move(package));
    }
  }
  return out;
}

}  // namespace slipway::attest
