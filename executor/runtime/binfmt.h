// Programs of foreign architectures: which ones the kernel hands to an emulator (binfmt_misc, qemu's user mode).
//
// The table is the kernel's and is read anew for each question, so a handler that is registered while the daemon runs
// counts from the next step on. Registering is the operator's act: nothing here changes the table. Where
// /proc/sys/fs/binfmt_misc is not mounted, the file system is looked into without mounting it anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/oci/platform.h"

namespace slipway::runtime {

/// One entry of the table, e.g. /proc/sys/fs/binfmt_misc/qemu-aarch64.
struct BinfmtHandler {
  std::string name;
  std::string interpreter;  ///< path on the host
  bool enabled = false;
  /// Flag F: the kernel opened the interpreter when it was registered. Without it the path must exist in the container.
  bool fixed = false;
  size_t offset = 0;  ///< of `magic` in the program
  std::string magic;  ///< bytes; "" for a handler of file name extensions
  std::string mask;   ///< as long as magic, or "": every bit counts

  /// Whether a file that begins with these bytes goes to this handler.
  bool Matches(std::string_view begin) const;
};

/// The text that the kernel gives for an entry. INVALID_ARGUMENT for what it would not write.
Result<BinfmtHandler> ParseBinfmtHandler(std::string name, std::string_view text);

/// How programs of an architecture (as images name it) begin: an ELF header of 64 bytes. "" for one that is not known.
std::string ProgramHeader(std::string_view architecture);

/// All entries, by name. UNAVAILABLE with the reason where the table cannot be seen (no such file system in the kernel,
/// or no right to it).
Result<std::vector<BinfmtHandler>> ReadBinfmtHandlers();
/// The same, from a folder in which the file system is mounted.
Result<std::vector<BinfmtHandler>> ReadBinfmtFolder(const std::string& folder);

/// Whether programs for `platform` run on a machine that is `host` and has these handlers; `root` is the root file
/// system of the container ("" where it is not there yet: an interpreter without flag F is then taken to be in it).
/// FAILED_PRECONDITION says what to install and how to register it.
Status CheckRunnable(const oci::Platform& platform, const oci::Platform& host,
                     const Result<std::vector<BinfmtHandler>>& handlers, const std::string& root);

/// For `slipway info`: "linux/arm64, linux/riscv64", or why there are none.
std::string DescribeEmulation(const oci::Platform& host, const Result<std::vector<BinfmtHandler>>& handlers);

}  // namespace slipway::runtime
