// TrustStore: the certificate authorities that TLS connections accept, loaded once and shared by all of them.
//
// Parsing the system's bundle costs more than a handshake, so it is not left to each connection. Thread-safe once made.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <vector>

#include "executor/base/status.h"

namespace slipway::http {

class TrustStore {
 public:
  /// The system's authorities (OpenSSL's default paths, SSL_CERT_FILE, SSL_CERT_DIR) and those of the PEM files.
  /// INVALID_ARGUMENT if a file has no certificate that can be read.
  static Result<TrustStore> Load(const std::vector<std::string>& extra_files);

  /// Makes `context` verify against this store.
  void Apply(SSL_CTX* context) const;

 private:
  explicit TrustStore(std::shared_ptr<X509_STORE> store) : store_(std::move(store)) {}
  std::shared_ptr<X509_STORE> store_;
};

}  // namespace slipway::http
