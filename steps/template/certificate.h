// Keys and certificates as sprig makes them, on OpenSSL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "steps/template/value.h"

namespace slipway::run_template {

/// A new private key in PEM: kind "rsa" (4096 bits), "dsa" (2048/256) or "ecdsa" (P-256).
Result<std::string> NewPrivateKey(std::string_view kind);

struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> ips;
  std::vector<std::string> dns_names;
  int64_t days = 0;
  bool is_authority = false;
};

/// A certificate with a new RSA key of 2048 bits, signed by `authority`, or by its own key if that is null.
Result<Certificate> NewCertificate(const CertificateRequest& request, const Certificate* authority);
/// INVALID_ARGUMENT if the texts are not a certificate and an RSA key in PEM.
Status CheckCertificate(const Certificate& certificate);

}  // namespace slipway::run_template
