// sprig's digests, keys, certificates, derived passwords and AES.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "steps/template/certificate.h"
#include "steps/template/encoding.h"
#include "steps/template/functions.h"
#include "steps/template/random.h"

namespace slipway::run_template {

namespace {

// Counted as work: a key takes from a tenth of a second to seconds.
constexpr uint64_t kSmallKeySteps = 20'000;
constexpr uint64_t kKeySteps = 100'000;
constexpr uint64_t kLargeKeySteps = 400'000;
constexpr uint64_t kScryptSteps = 100'000;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

template <size_t kSize>
std::string Hex(const std::array<unsigned char, kSize>& bytes) {
  std::string out;
  for (const unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

Result<Value> Sha1(const Call& call) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(Bytes(call.text(0)), call.text(0).size(), digest.data());
  return call.Text(Hex(digest));
}

Result<Value> Sha256(const Call& call) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(Bytes(call.text(0)), call.text(0).size(), digest.data());
  return call.Text(Hex(digest));
}

Result<Value> Adler32(const Call& call) {
  return call.Text(std::to_string(adler32_z(adler32(0, nullptr, 0), Bytes(call.text(0)), call.text(0).size())));
}

Result<Value> Uuid(const Call& call) {
  std::array<unsigned char, 16> bytes;
  FillRandom(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);  // version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);  // the variant of RFC 4122
  std::string text = Hex(bytes);
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, "-");
  return call.Text(std::move(text));
}

Result<Value> GenPrivateKey(const Call& call) {
  const std::string_view kind = call.text(0).empty() ? "rsa" : call.text(0);
  if (kind != "rsa" && kind != "dsa" && kind != "ecdsa") return call.Text(fmt::format("Unknown type {}", kind));
  if (!call.work.Spend(kind == "ecdsa" ? kSmallKeySteps : kLargeKeySteps)) return Value();
  SLIPWAY_ASSIGN_OR_RETURN(std::string pem, NewPrivateKey(kind));
  return call.Text(std::move(pem));
}

Result<std::vector<std::string>> Texts(Workspace& work, const Value& list, std::string_view what) {
  std::vector<std::string> out;
  if (list.IsNil()) return out;
  for (const Value& item : list.list().items) {
    if (item.kind() != Kind::kString) return InvalidArgument("{}: a {} is not a string", what, TypeName(item));
    if (!work.Spend(1) || !work.Reserve(item.text().size() + sizeof(std::string))) return work.status();
    out.emplace_back(item.text());
  }
  return out;
}

// The arguments "name, ips, dns names, days".
Result<CertificateRequest> RequestOf(const Call& call) {
  CertificateRequest out{.common_name = std::string(call.text(0)), .ips = {}, .dns_names = {}, .days = call.integer(3)};
  SLIPWAY_ASSIGN_OR_RETURN(out.ips, Texts(call.work, call[1], "error parsing ip"));
  SLIPWAY_ASSIGN_OR_RETURN(out.dns_names, Texts(call.work, call[2], "error processing alternate dns name"));
  return out;
}

Result<Value> Made(const Call& call, const CertificateRequest& request, const Certificate* authority) {
  if (!call.work.Spend(kKeySteps)) return Value();
  SLIPWAY_ASSIGN_OR_RETURN(Certificate certificate, NewCertificate(request, authority));
  return call.work.NewCertificate(std::move(certificate));
}

Result<Value> GenCa(const Call& call) {
  const CertificateRequest request{.common_name = std::string(call.text(0)),
                                   .ips = {},
                                   .dns_names = {},
                                   .days = call.integer(1),
                                   .is_authority = true};
  return Made(call, request, nullptr);
}

Result<Value> GenSelfSignedCert(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const CertificateRequest request, RequestOf(call));
  return Made(call, request, nullptr);
}

Result<Value> GenSignedCert(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const CertificateRequest request, RequestOf(call));
  return Made(call, request, &call[4].certificate());
}

Result<Value> BuildCustomCert(const Call& call) {
  Result<std::string> cert = Base64Decode(call.text(0));
  if (!cert.ok()) return InvalidArgument("unable to decode base64 certificate");
  Result<std::string> key = Base64Decode(call.text(1));
  if (!key.ok()) return InvalidArgument("unable to decode base64 private key");
  Certificate certificate{*std::move(cert), *std::move(key)};
  SLIPWAY_RETURN_IF_ERROR(CheckCertificate(certificate));
  return call.work.NewCertificate(std::move(certificate));
}

// The algorithm of masterpassword.app: the patterns of a kind of password; each letter stands for a set of characters.
std::span<const std::string_view> PasswordPatterns(std::string_view kind) {
  static constexpr std::array<std::string_view, 2> kMaximum = {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"};
  static constexpr std::array<std::string_view, 21> kLong = {
      "CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv", "CvccCvcvCvcvno",
      "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc", "CvcvCvcvnoCvcc", "CvcvCvcvCvccno",
      "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno", "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno",
      "CvccnoCvcvCvcc", "CvccCvcvnoCvcc", "CvccCvcvCvccno"};
  static constexpr std::array<std::string_view, 2> kMedium = {"CvcnoCvc", "CvcCvcno"};
  static constexpr std::array<std::string_view, 1> kShort = {"Cvcn"};
  static constexpr std::array<std::string_view, 3> kBasic = {"aaanaaan", "aannaaan", "aaannaaa"};
  static constexpr std::array<std::string_view, 1> kPin = {"nnnn"};
  if (kind == "maximum") return kMaximum;
  if (kind == "long") return kLong;
  if (kind == "medium") return kMedium;
  if (kind == "short") return kShort;
  if (kind == "basic") return kBasic;
  if (kind == "pin") return kPin;
  return {};
}

std::string_view PasswordLetters(char letter) {
  switch (letter) {
    case 'V': return "AEIOU";
    case 'C': return "BCDFGHJKLMNPQRSTVWXYZ";
    case 'v': return "aeiou";
    case 'c': return "bcdfghjklmnpqrstvwxyz";
    case 'a': return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    case 'n': return "0123456789";
    case 'o': return "@&%?,=[]_:-+*$#!'^~;()/.";
    default: return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()";
  }
}

std::string BigEndian32(uint64_t number) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(number >> shift & 0xFF);
  return out;
}

Result<Value> DerivePassword(const Call& call) {
  constexpr uint64_t kRounds = 32768;
  constexpr uint64_t kBlock = 8;
  constexpr uint64_t kParallel = 2;
  constexpr uint64_t kMaxMemory = 64u << 20;
  constexpr std::string_view kScope = "com.lyndir.masterpassword";
  const std::span<const std::string_view> patterns = PasswordPatterns(call.text(1));
  if (patterns.empty()) return call.Text(fmt::format("cannot find password template {}", call.text(1)));
  if (!call.work.Spend(kScryptSteps)) return Value();
  const std::string_view password = call.text(2);
  const std::string salt = fmt::format("{}{}{}", kScope, BigEndian32(call.text(3).size()), call.text(3));
  std::array<unsigned char, 64> key;
  if (EVP_PBE_scrypt(password.data(), password.size(), Bytes(salt), salt.size(), kRounds, kBlock, kParallel, kMaxMemory,
                     key.data(), key.size()) != 1) {
    return Internal("failed to derive password");
  }
  const std::string message = fmt::format("{}{}{}{}", kScope, BigEndian32(call.text(4).size()), call.text(4),
                                          BigEndian32(static_cast<uint64_t>(call.integer(0))));
  std::array<unsigned char, SHA256_DIGEST_LENGTH> seed;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(message), message.size(), seed.data(), nullptr);
  const std::string_view pattern = patterns[seed[0] % patterns.size()];
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view letters = PasswordLetters(pattern[i]);
    out += letters[seed[i + 1] % letters.size()];
  }
  return call.Text(std::move(out));
}

constexpr size_t kAesBlock = 16;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

// AES-256-CBC without padding of its own, the password as the key, cut or filled up with zeros as sprig does.
Result<std::string> Aes(std::string_view password, std::string_view iv, std::string_view text, bool encrypt) {
  std::array<unsigned char, 32> key{};
  std::copy_n(password.begin(), std::min(password.size(), key.size()), key.begin());
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string out(text.size() + kAesBlock, '\0');
  int size = 0;
  if (EVP_CipherInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, key.data(), Bytes(iv), encrypt ? 1 : 0) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_CipherUpdate(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, Bytes(text),
                       static_cast<int>(text.size())) != 1) {
    return Internal("AES failed");
  }
  out.resize(static_cast<size_t>(size));
  return out;
}

Result<Value> EncryptAes(const Call& call) {
  if (call.text(1).empty()) return Value::Text("");
  if (!call.work.Reserve(call.text(1).size() * 3)) return Value();
  std::string iv(kAesBlock, '\0');
  FillRandom(reinterpret_cast<unsigned char*>(iv.data()), iv.size());
  const size_t padding = kAesBlock - call.text(1).size() % kAesBlock;
  const std::string padded = std::string(call.text(1)) + std::string(padding, static_cast<char>(padding));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string encrypted, Aes(call.text(0), iv, padded, true));
  return call.Text(Base64Encode(iv + encrypted));
}

Result<Value> DecryptAes(const Call& call) {
  if (call.text(1).empty()) return Value::Text("");
  SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, Base64Decode(call.text(1)));
  if (bytes.size() < 2 * kAesBlock || bytes.size() % kAesBlock != 0) {
    return InvalidArgument("the encrypted text is not whole: {} bytes are no blocks of {}", bytes.size(), kAesBlock);
  }
  const std::string_view text = bytes;
  SLIPWAY_ASSIGN_OR_RETURN(std::string out,
                           Aes(call.text(0), text.substr(0, kAesBlock), text.substr(kAesBlock), false));
  const auto padding = static_cast<unsigned char>(out.back());
  if (padding == 0 || padding > kAesBlock)
    return InvalidArgument("the password is not the one that it was encrypted with");
  out.erase(out.size() - padding);
  return call.Text(std::move(out));
}

using T = Type;
constexpr std::array kFunctions = {
    Function{"sha1sum", Sha1, {T::kString}},
    Function{"sha256sum", Sha256, {T::kString}},
    Function{"adler32sum", Adler32, {T::kString}},
    Function{"uuidv4", Uuid, {}},
    Function{"genPrivateKey", GenPrivateKey, {T::kString}},
    Function{"derivePassword", DerivePassword, {T::kUint32, T::kString, T::kString, T::kString, T::kString}},
    Function{"buildCustomCert", BuildCustomCert, {T::kString, T::kString}},
    Function{"genCA", GenCa, {T::kString, T::kInt}},
    Function{"genSelfSignedCert", GenSelfSignedCert, {T::kString, T::kAnyList, T::kAnyList, T::kInt}},
    Function{"genSignedCert", GenSignedCert, {T::kString, T::kAnyList, T::kAnyList, T::kInt, T::kCertificate}},
    Function{"encryptAES", EncryptAes, {T::kString, T::kString}},
    Function{"decryptAES", DecryptAes, {T::kString, T::kString}},
};

}  // namespace

std::span<const Function> CryptoFunctions() { return kFunctions; }

}  // namespace slipway::run_template
