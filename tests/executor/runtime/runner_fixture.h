// RunnerFixture: an OciRunner on this host's runtime with a busybox root. Skips with the reason where the host cannot.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/runtime/oci_runner.h"

namespace slipway::runtime {

/// Empty if containers can be run here; else why not. Found out once.
const std::string& WhyNoContainers();

class RunnerFixture : public ::testing::Test {
 protected:
  void SetUp() override;

  /// Options of a daemon of this test's own, without a bridge.
  RunnerOptions Options() const;
  /// Makes `runner_`.
  void Start(const RunnerOptions& options);

  /// A container that runs `script` in the root.
  ContainerSpec Shell(const std::string& script) const;
  /// Runs it and keeps what it printed in `out_` and `err_`.
  Result<ContainerExit> Run(const ContainerSpec& spec, const Context& ctx = Context::Background());
  /// Runs a script that must succeed; what it wrote to standard output.
  std::string Output(const ContainerSpec& spec);

  std::string InRoot(const std::string& path) const { return fs::Join(rootfs_, path); }
  std::string out() { return *out_.Lock(); }
  std::string err() { return *err_.Lock(); }

  fs::TempDir dir_;
  std::string rootfs_;
  std::string daemon_id_;
  std::unique_ptr<OciRunner> runner_;
  Guarded<std::string> out_;
  Guarded<std::string> err_;
};

/// Waits up to ten seconds for `condition`.
bool Eventually(const std::function<bool()>& condition);

/// Host process ids of those whose command line holds `word`.
std::vector<pid_t> ProcessesWith(const std::string& word);

}  // namespace slipway::runtime
