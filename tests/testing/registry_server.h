// RegistryServer: a real `docker-registry` on a free loopback port with its storage in a temporary folder.
//
// Stopped and removed by its destructor. Start it in the thread that outlives it (a test's main thread): the program is
// killed when that thread ends. Several may run at the same time. Not thread-safe, but for the constant accessors.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/process.h"
#include "executor/base/status.h"

namespace slipway::testing {

struct RegistryServerOptions {
  /// User names and passwords; none: everybody may do everything.
  std::map<std::string, std::string> users;
  /// Speak TLS with a certificate made for the occasion (ca_file()).
  bool tls = false;
};

class RegistryServer {
 public:
  /// "" if a server can be started here, else the reason why not; for GTEST_SKIP.
  static std::string WhyUnavailable(const RegistryServerOptions& options = {});

  static Result<std::unique_ptr<RegistryServer>> Start(const RegistryServerOptions& options = {});
  ~RegistryServer() = default;

  /// "127.0.0.1:port", for references.
  const std::string& host() const { return host_; }
  /// PEM file with the authority that signed the server's certificate; "" without TLS.
  const std::string& ca_file() const { return ca_file_; }
  /// Where blobs lie: <storage>/docker/registry/v2/…
  std::string storage() const { return dir_.path() + "/storage"; }

  /// The requests answered so far as "GET /v2/… 200", oldest first. Those with long answers appear soon after the
  /// answer's end, all others before it.
  std::vector<std::string> Requests() const;
  /// How many of them begin with `prefix` ("PUT /v2/app/blobs/").
  size_t Count(std::string_view prefix) const;
  /// The same once there are `least` of them, or after some seconds.
  size_t AwaitCount(std::string_view prefix, size_t least) const;

 private:
  RegistryServer() = default;
  Status MakeCertificate(const Context& ctx);
  Result<std::string> MakeConfig(const Context& ctx, const RegistryServerOptions& options);
  Status Launch(const std::string& config);
  Status AwaitAddress(const Context& ctx);

  fs::TempDir dir_;
  std::string host_;
  std::string ca_file_;
  ChildProcess process_;
};

}  // namespace slipway::testing
