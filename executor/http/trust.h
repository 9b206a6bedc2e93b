// TrustStore: the certificate authorities that TLS connections accept, loaded once and shared by all of them.
//
// Parsing the system's bundle costs more than a handshake, so it is not left to each connection, and not done before
// the first TLS connection. Thread-safe.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/status.h"

namespace slipway::http {

class TrustStore {
 public:
  /// The system's authorities (OpenSSL's default paths, SSL_CERT_FILE, SSL_CERT_DIR) and those of the PEM files.
  /// INVALID_ARGUMENT if a file has no certificate that can be read.
  static Result<std::unique_ptr<TrustStore>> Load(const std::vector<std::string>& extra_files);

  /// Makes `context` verify against this store.
  void Apply(SSL_CTX* context);

 private:
  explicit TrustStore(std::shared_ptr<X509_STORE> store) : store_(std::move(store)) {}

  const std::shared_ptr<X509_STORE> store_;
  std::once_flag system_loaded_;
};

}  // namespace slipway::http
