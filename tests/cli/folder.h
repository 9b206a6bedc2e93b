// Folder: a temporary folder that tests fill in a line a file.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/context_entry.h"
#include "executor/base/fs.h"

namespace slipway::cli {

class Folder {
 public:
  Folder() {
    auto dir = fs::TempDir::Make("", "slipway-cli-");
    EXPECT_TRUE(dir.ok());
    dir_ = std::move(dir).value();
    EXPECT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  }

  const std::string& path() const { return dir_.path(); }
  std::string At(std::string_view name) const { return fs::Join(dir_.path(), name); }

  /// Writes a file and makes the folders it needs.
  void Write(const std::string& name, std::string_view content, mode_t mode = 0644) const {
    EXPECT_TRUE(fs::MakeDirs(fs::DirName(At(name))).ok());
    const auto fd = fs::Open(At(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    ASSERT_TRUE(fd.ok()) << fd.status().ToString();
    EXPECT_TRUE(fs::WriteAll(fd->get(), content).ok());
    EXPECT_EQ(::fchmod(fd->get(), mode), 0);
  }
  void MakeDir(const std::string& name) const { EXPECT_TRUE(fs::MakeDirs(At(name)).ok()); }
  void Symlink(const std::string& target, const std::string& name) const {
    EXPECT_EQ(::symlink(target.c_str(), At(name).c_str()), 0);
  }
  void Hardlink(const std::string& from, const std::string& name) const {
    EXPECT_EQ(::link(At(from).c_str(), At(name).c_str()), 0);
  }

 private:
  fs::TempDir dir_;
};

/// Takes root's power to read everything away from the process while it exists.
class WithoutPrivileges {
 public:
  WithoutPrivileges() : was_(::geteuid()) {
    if (was_ == 0) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~WithoutPrivileges() {
    if (was_ == 0) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  const uid_t was_;
};

inline std::vector<std::string> PathsOf(const std::vector<ContextEntry>& entries) {
  std::vector<std::string> paths;
  for (const ContextEntry& entry : entries) paths.push_back(entry.path);
  return paths;
}

inline const ContextEntry* FindEntry(const std::vector<ContextEntry>& entries, std::string_view path) {
  for (const ContextEntry& entry : entries) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

}  // namespace slipway::cli
