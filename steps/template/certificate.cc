#include "steps/template/certificate.h"

#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "steps/template/random.h"

namespace slipway::run_template {

namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Cert = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

constexpr int kCertificateKeyBits = 2048;
constexpr int kPrivateKeyBits = 4096;
constexpr size_t kSerialBytes = 16;
constexpr int64_t kMaxDays = 365'000;

Status SslError(std::string_view what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return Internal("{}: {}", what, text.data());
}

std::string Drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Bio Reader(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Result<std::string> KeyPem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return SslError("write private key");
  }
  return Drain(bio.get());
}

Key RsaKey(int bits) { return Key(EVP_RSA_gen(static_cast<unsigned int>(bits))); }

Key DsaKey() {
  const KeyContext parameters(EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, nullptr));
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_paramgen_init(parameters.get()) != 1 ||
      EVP_PKEY_CTX_set_dsa_paramgen_bits(parameters.get(), 2048) != 1 ||
      EVP_PKEY_CTX_set_dsa_paramgen_q_bits(parameters.get(), 256) != 1 ||
      EVP_PKEY_paramgen(parameters.get(), &made) != 1) {
    return nullptr;
  }
  const Key holder(made);
  const KeyContext context(EVP_PKEY_CTX_new(holder.get(), nullptr));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_keygen(context.get(), &key) != 1) return nullptr;
  return Key(key);
}

// Nothing asks for a pass phrase on the daemon's terminal.
int NoPassword(char*, int, int, void*) { return 0; }

Result<Cert> ReadCert(std::string_view pem) {
  const Bio bio = Reader(pem);
  Cert cert(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (!cert) return InvalidArgument("unable to decode certificate: it is no certificate in PEM");
  return cert;
}

Result<Key> ReadKey(std::string_view pem) {
  const Bio bio = Reader(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return InvalidArgument("unable to decode key: it is no RSA private key in PEM");
  }
  return key;
}

bool AddExtension(X509* cert, int nid, bool critical, void* value) {
  return X509_add1_ext_i2d(cert, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1;
}

bool AddText(X509* cert, X509* issuer, int nid, const char* text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, text));
  return extension && X509_add_ext(cert, extension.get(), -1) == 1;
}

Status AddNames(X509* cert, const CertificateRequest& request) {
  if (request.ips.empty() && request.dns_names.empty()) return {};
  const Names names(GENERAL_NAMES_new());
  for (const std::string& dns : request.dns_names) {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, dns.data(), static_cast<int>(dns.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  for (const std::string& ip : request.ips) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(ip.c_str());
    if (address == nullptr) {
      ERR_clear_error();
      return InvalidArgument("error parsing ip: {}", ip);
    }
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  if (!AddExtension(cert, NID_subject_alt_name, false, names.get())) return SslError("add names to the certificate");
  return {};
}

Status AddExtensions(X509* cert, X509* issuer, const CertificateRequest& request) {
  const char* usage = request.is_authority ? "critical,digitalSignature,keyEncipherment,keyCertSign"
                                           : "critical,digitalSignature,keyEncipherment";
  bool ok =
      AddText(cert, issuer, NID_key_usage, usage) &&
      AddText(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
      AddText(cert, issuer, NID_basic_constraints, request.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (request.is_authority) ok = ok && AddText(cert, issuer, NID_subject_key_identifier, "hash");
  const bool identified = X509_get_ext_by_NID(issuer, NID_subject_key_identifier, -1) >= 0;
  if (issuer != cert && identified) ok = ok && AddText(cert, issuer, NID_authority_key_identifier, "keyid");
  return ok ? AddNames(cert, request) : SslError("add extensions to the certificate");
}

Status Fill(X509* cert, const CertificateRequest& request) {
  std::array<unsigned char, kSerialBytes> serial;
  FillRandom(serial.data(), serial.size());
  serial[0] &= 0x7F;  // a serial number is not negative
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
  BN_free(number);
  X509_set_version(cert, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_time_adj_ex(X509_getm_notAfter(cert), static_cast<int>(request.days), 0, nullptr);
  const auto* name = reinterpret_cast<const unsigned char*>(request.common_name.data());
  if (!request.common_name.empty() &&
      X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8, name,
                                 static_cast<int>(request.common_name.size()), -1, 0) != 1) {
    ERR_clear_error();
    return InvalidArgument("'{}' cannot be the common name of a certificate: it has at most 64 characters",
                           request.common_name);
  }
  return {};
}

}  // namespace

Result<std::string> NewPrivateKey(std::string_view kind) {
  Key key;
  if (kind == "rsa") key = RsaKey(kPrivateKeyBits);
  if (kind == "dsa") key = DsaKey();
  if (kind == "ecdsa") key = Key(EVP_EC_gen("P-256"));
  if (!key) return SslError("failed to generate private key");
  return KeyPem(key.get());
}

Result<Certificate> NewCertificate(const CertificateRequest& request, const Certificate* authority) {
  if (request.days > kMaxDays || request.days < -kMaxDays) {
    return InvalidArgument("a certificate is valid for at most {} days", kMaxDays);
  }
  Cert signer_cert;
  Key signer_key;
  if (authority != nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(signer_cert, ReadCert(authority->cert));
    SLIPWAY_ASSIGN_OR_RETURN(signer_key, ReadKey(authority->key));
  }
  const Key key = RsaKey(kCertificateKeyBits);
  const Cert cert(X509_new());
  if (!key || !cert) return SslError("error generating rsa key");
  SLIPWAY_RETURN_IF_ERROR(Fill(cert.get(), request));
  X509* issuer = authority != nullptr ? signer_cert.get() : cert.get();
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer));
  X509_set_pubkey(cert.get(), key.get());
  SLIPWAY_RETURN_IF_ERROR(AddExtensions(cert.get(), issuer, request));
  EVP_PKEY* signing_key = authority != nullptr ? signer_key.get() : key.get();
  if (X509_sign(cert.get(), signing_key, EVP_sha256()) == 0) return SslError("error creating certificate");

  Certificate out;
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), cert.get()) != 1) return SslError("error pem-encoding certificate");
  out.cert = Drain(bio.get());
  SLIPWAY_ASSIGN_OR_RETURN(out.key, KeyPem(key.get()));
  return out;
}

Status CheckCertificate(const Certificate& certificate) {
  SLIPWAY_ASSIGN_OR_RETURN(const Cert cert, ReadCert(certificate.cert));
  SLIPWAY_ASSIGN_OR_RETURN(const Key key, ReadKey(certificate.key));
  return {};
}

}  // namespace slipway::run_template
