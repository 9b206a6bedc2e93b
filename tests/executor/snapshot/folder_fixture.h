// A temporary folder with layers in it, and folders written down as text.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/process.h"

namespace slipway::snapshot {

/// Needs root: for mounts, devices and overlay's attributes.
class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto temp = fs::TempDir::Make();
    ASSERT_TRUE(temp.ok()) << temp.status().ToString();
    temp_ = std::move(temp).value();
  }

  std::string Path(const std::string& name) { return temp_.path() + "/" + name; }

  /// "dir/" is a folder, "file=content" a file.
  std::string Layer(const std::string& name, const std::vector<std::string>& entries) {
    std::string folder = Path("layers/" + name);
    EXPECT_TRUE(fs::MakeDirs(folder).ok());
    for (const std::string& entry : entries) {
      const size_t equals = entry.find('=');
      if (equals == std::string::npos) {
        EXPECT_TRUE(fs::MakeDirs(folder + "/" + entry).ok());
      } else {
        Write(folder + "/" + entry.substr(0, equals), entry.substr(equals + 1));
      }
    }
    return folder;
  }
  static void Write(const std::string& path, const std::string& content) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    EXPECT_TRUE(fd.valid()) << path;
    EXPECT_TRUE(fs::WriteAll(fd.get(), content).ok());
  }
  static std::string Read(const std::string& path) { return fs::ReadFile(path).ValueOr("<none>"); }
  static void MakeWhiteoutAt(const std::string& path) {
    ASSERT_EQ(::mknod(path.c_str(), S_IFCHR, ::makedev(0, 0)), 0) << path;
  }
  static struct stat StatOf(const std::string& path) {
    struct stat st {};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return st;
  }
  static unsigned ModeOf(const std::string& path) { return StatOf(path).st_mode & 07777; }
  static ino_t InodeOf(const std::string& path) { return StatOf(path).st_ino; }
  /// "mode owner:group time".
  static std::string Describe(const std::string& path) {
    const struct stat st = StatOf(path);
    return fmt::format("{:04o} {}:{} {}", st.st_mode & 07777, st.st_uid, st.st_gid, st.st_mtime);
  }
  static void Shell(const std::string& script) {
    SpawnOptions options;
    options.argv = {"bash", "-euc", script};
    const auto output = RunProgram(Context::Background(), options);
    ASSERT_TRUE(output.ok()) << output.status().ToString();
    ASSERT_TRUE(output->exit.ok()) << script << "\n" << output->err;
  }
  static std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }

  /// All that is in a folder, one line each: kind, mode, path.
  static std::string List(const std::string& folder) {
    std::string out;
    ListInto(folder, "", out);
    return out;
  }

 private:
  static void ListInto(const std::string& folder, const std::string& below, std::string& out) {
    const auto names = fs::ListDir(folder + "/" + below);
    EXPECT_TRUE(names.ok()) << names.status().ToString();
    if (!names.ok()) return;
    for (const std::string& name : *names) {
      const std::string path = below.empty() ? name : below + "/" + name;
      const std::string full = folder + "/" + path;
      const struct stat st = StatOf(full);
      if (S_ISCHR(st.st_mode) && st.st_rdev == ::makedev(0, 0)) {
        out += fmt::format("w {}\n", path);
      } else if (S_ISLNK(st.st_mode)) {
        std::string target(4096, '\0');
        target.resize(
            static_cast<size_t>(std::max<ssize_t>(0, ::readlink(full.c_str(), target.data(), target.size()))));
        out += fmt::format("l {}:{} {} -> {}\n", st.st_uid, st.st_gid, path, target);
      } else if (S_ISDIR(st.st_mode)) {
        std::string value(1, '\0');
        const bool opaque = ::lgetxattr(full.c_str(), "trusted.overlay.opaque", value.data(), 1) == 1 && value == "y";
        out += fmt::format("{}/ {:04o}{}\n", path, st.st_mode & 07777, opaque ? " opaque" : "");
        ListInto(folder, path, out);
      } else {
        out += fmt::format("{} {:04o} {}\n",
                           S_ISFIFO(st.st_mode)  ? 'p'
                           : S_ISREG(st.st_mode) ? 'f'
                                                 : '?',
                           st.st_mode & 07777, path);
      }
    }
  }

  fs::TempDir temp_;
};

}  // namespace slipway::snapshot
