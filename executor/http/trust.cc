#include "executor/http/trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace slipway::http {

Result<std::unique_ptr<TrustStore>> TrustStore::Load(const std::vector<std::string>& extra_files) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (!store) return ResourceExhausted("no memory for the certificate store");
  for (const std::string& file : extra_files) {
    ERR_clear_error();
    if (X509_STORE_load_file(store.get(), file.c_str()) == 1) continue;
    const char* reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return InvalidArgument("load certificate authorities from '{}': {}; it must be a PEM file with certificates", file,
                           reason != nullptr ? reason : "not readable");
  }
  return std::unique_ptr<TrustStore>(new TrustStore(std::move(store)));
}

void TrustStore::Apply(SSL_CTX* context) {
  std::call_once(system_loaded_, [this] {
    // A machine without system authorities can still use the extra ones.
    X509_STORE_set_default_paths(store_.get());
    ERR_clear_error();
  });
  SSL_CTX_set1_cert_store(context, store_.get());
}

}  // namespace slipway::http
