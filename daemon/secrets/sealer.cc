#include "daemon/secrets/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <memory>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

namespace slipway::secrets {

namespace {

constexpr char kVersion = 1;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kOverhead = 1 + kNonceSize + kTagSize;
constexpr size_t kMaxText = 64U << 20;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

CipherContext NewContext() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

const unsigned char* Raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Raw(char* text) { return reinterpret_cast<unsigned char*>(text); }

Status CheckMode(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", path));
  if ((st.st_mode & 077) != 0) {
    return FailedPrecondition("key file '{}' may be read by others (mode {:04o}); run chmod 600 on it", path,
                              st.st_mode & 07777);
  }
  return Status();
}

}  // namespace

Sealer::Sealer(Sealer&& other) noexcept : key_(other.key_) {}

Sealer& Sealer::operator=(Sealer&& other) noexcept {
  key_ = other.key_;
  return *this;
}

Sealer::~Sealer() { OPENSSL_cleanse(key_.data(), key_.size()); }

Result<Sealer> Sealer::Open(const std::string& key_file) {
  Key key{};
  const Cleanup wipe([&key] { OPENSSL_cleanse(key.data(), key.size()); });
  if (!fs::Exists(key_file)) {
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) return Internal("no random bytes for a key");
    const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
    SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(key_file, bytes, 0600).With("write the key file"));
    return Sealer(key);
  }
  SLIPWAY_RETURN_IF_ERROR(CheckMode(key_file));
  SLIPWAY_ASSIGN_OR_RETURN(std::string bytes, fs::ReadFile(key_file, 4096));
  const Cleanup wipe_bytes([&bytes] { OPENSSL_cleanse(bytes.data(), bytes.size()); });
  if (bytes.size() != key.size()) {
    return FailedPrecondition("key file '{}' has {} bytes instead of {}; restore it from a copy", key_file,
                              bytes.size(), key.size());
  }
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return Sealer(key);
}

Result<std::string> Sealer::Seal(std::string_view plain, std::string_view purpose) const {
  if (plain.size() > kMaxText) return ResourceExhausted("secrets of {} bytes are too large to seal", plain.size());
  std::string out(kOverhead + plain.size(), '\0');
  out[0] = kVersion;
  unsigned char* nonce = Raw(out.data() + 1);
  unsigned char* text = nonce + kNonceSize;
  const CipherContext ctx = NewContext();
  int size = 0;
  const bool ok = RAND_bytes(nonce, kNonceSize) == 1 && ctx != nullptr &&
                  EVP_EncryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
                  EVP_EncryptUpdate(ctx.get(), nullptr, &size, Raw(purpose), static_cast<int>(purpose.size())) == 1 &&
                  EVP_EncryptUpdate(ctx.get(), text, &size, Raw(plain), static_cast<int>(plain.size())) == 1 &&
                  EVP_EncryptFinal_ex(ctx.get(), text + plain.size(), &size) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, text + plain.size()) == 1;
  if (!ok) return Internal("seal secrets: the cipher failed");
  return out;
}

Result<std::string> Sealer::Unseal(std::string_view sealed, std::string_view purpose) const {
  if (sealed.size() < kOverhead || sealed.size() > kMaxText + kOverhead || sealed[0] != kVersion) {
    return DataLoss("unseal secrets: not in our format");
  }
  const std::string_view nonce = sealed.substr(1, kNonceSize);
  const std::string_view text = sealed.substr(1 + kNonceSize, sealed.size() - kOverhead);
  std::string tag(sealed.substr(sealed.size() - kTagSize));
  std::string out(text.size(), '\0');
  const CipherContext ctx = NewContext();
  int size = 0;
  const bool ok = ctx != nullptr &&
                  EVP_DecryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key_.data(), Raw(nonce)) == 1 &&
                  EVP_DecryptUpdate(ctx.get(), nullptr, &size, Raw(purpose), static_cast<int>(purpose.size())) == 1 &&
                  EVP_DecryptUpdate(ctx.get(), Raw(out.data()), &size, Raw(text), static_cast<int>(text.size())) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
                  EVP_DecryptFinal_ex(ctx.get(), Raw(out.data()) + out.size(), &size) == 1;
  if (!ok) return DataLoss("unseal secrets: they were sealed with another key or are damaged");
  return out;
}

}  // namespace slipway::secrets
